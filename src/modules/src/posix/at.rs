//! Schedules a command or script to run once, with at.
//!
//! Options:
//! - `command`, or `script_file`: what to run.
//! - `count` (int) and `units` (`minutes`, `hours`, `days`, `weeks`): when from now.
//! - `state` (default `present`): `absent` removes every job that holds the same text. `unique`: only if there is none.
//!
//! Returns: `state`, and of a new job `script_file`, `count`, `units`.
//!
//! Check mode: none. Diff: none.
//!
//! Example:
//! ```yaml
//! - ansible.posix.at:
//!     command: systemctl restart ceph.target
//!     count: 20
//!     units: minutes
//! ```

use std::io::Write as _;
use std::path::Path;

use rplay_protocol::Reply;

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support, TextFile, tools};

/// `ansible.posix.at`
pub static MODULE: Module = Module {
    name: "at",
    collection: "ansible.posix",
    spec: &ArgSpec {
        args: &[
            Arg::text("command"),
            Arg::text("script_file"),
            Arg::int("count"),
            Arg::text("units").choices(&["minutes", "hours", "days", "weeks"]),
            Arg::text("state").default("present").choices(&["absent", "present"]),
            Arg::bool("unique").default("false"),
        ],
        exclusive: &[&["command", "script_file"]],
        one_of: &[&["command", "script_file"]],
        ..ArgSpec::EMPTY
    },
    check: Support::None,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let at = tools::need(cx, "at")?;
    let (state, count, units) = (args.need("state"), args.int("count").unwrap_or_default(), args.need("units"));
    if state == "present" && (count == 0 || units.is_empty()) {
        return Err(ModuleError::msg("present state requires count and units"));
    }
    // at reads the script at once, so the file need not outlive this call.
    let command = args.text("command").filter(|command| !command.is_empty()).map(|command| written(cx, command));
    let command = command.transpose()?;
    let (script, path) = match &command {
        Some(file) => (file.path().to_string_lossy().into_owned(), file.path().to_owned()),
        None => (args.need("script_file").to_owned(), cx.path(args.need("script_file"))),
    };
    let reply = Reply::ok().with("state", state);
    if state == "absent" {
        let jobs = matching(cx, &at, &script, &path)?;
        for job in &jobs {
            tools::run_checked(cx, &[at.as_str(), "-r", job])?;
        }
        return Ok(Reply { changed: !jobs.is_empty(), ..reply });
    }
    if args.flag("unique") && !matching(cx, &at, &script, &path)?.is_empty() {
        return Ok(reply);
    }
    tools::run_checked(cx, &[at.as_str(), "-f", &script, "now", "+", &count.to_string(), units])?;
    let reply = reply.with("script_file", script).with("count", count).with("units", units);
    Ok(Reply { changed: true, ..reply })
}

/// A script file of a command, which is removed when dropped.
fn written(cx: &Context<'_>, command: &str) -> Result<tempfile::NamedTempFile, ModuleError> {
    let mut file = tempfile::Builder::new().prefix("at").tempfile_in(cx.sys().tmp())?;
    file.write_all(format!("{command}\n").as_bytes())?;
    Ok(file)
}

/// The jobs that hold the script's text.
fn matching(cx: &Context<'_>, at: &str, script: &str, path: &Path) -> Result<Vec<String>, ModuleError> {
    let listed = tools::run_checked(cx, &[tools::need(cx, "atq")?])?.out();
    let jobs: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let text = TextFile::read_given(path, script)?;
    let text = text.shown(&text.text);
    let mut matching = Vec::new();
    for job in jobs {
        if tools::run_checked(cx, &[at, "-c", job])?.out().contains(text.trim()) {
            matching.push(job.to_owned());
        }
    }
    Ok(matching)
}

#[cfg(test)]
mod tests {
    use rplay_protocol::Reply;

    use crate::testing::{Fake, args};

    fn fake() -> Fake {
        let fake = Fake::new().unwrap().on("atq", 0, "1\tFri a root\n2\tSat a root\n").on("at", 0, "");
        fake.on("at -c 1", 0, "#!/bin/sh\ntrue\n").on("at -c 2", 0, "#!/bin/sh\nls -l /\n")
    }

    fn call(fake: &Fake, given: &[(&'static str, &str)]) -> Reply {
        fake.call("ansible.posix.at", args(given.iter().copied()))
    }

    #[test]
    fn jobs_are_added() {
        let fake = fake();
        let later = [("command", "ls -l /"), ("count", "20"), ("units", "minutes")];
        let reply = call(&fake, &later);
        assert!(reply.changed, "{reply:?}");
        let script = reply.data.get("script_file").unwrap().to_string();
        assert_eq!(fake.command_lines(), [format!("at -f {script} now + 20 minutes")]);
        assert!(!std::path::Path::new(&script).exists());
        assert!(
            !call(&fake, &[("command", "ls -l /"), ("count", "20"), ("units", "minutes"), ("unique", "yes")]).changed
        );
        assert!(call(&fake, &[("command", "other"), ("count", "2"), ("units", "days"), ("unique", "yes")]).changed);
    }

    #[test]
    fn jobs_are_removed_by_their_text() {
        let fake = fake();
        fake.write("/script", "ls -l /\n").unwrap();
        assert!(call(&fake, &[("script_file", "/script"), ("state", "absent")]).changed);
        assert_eq!(fake.command_lines().last().unwrap(), "at -r 2");
        assert!(!call(&fake, &[("command", "other"), ("state", "absent")]).changed);
        let reply = call(&fake, &[("script_file", "/none"), ("state", "absent")]);
        assert_eq!(reply.data.get("msg"), Some(&"[Errno 2] No such file or directory: '/none'".into()));
    }

    #[test]
    fn what_is_missing_is_said_and_check_mode_skips() {
        let fake = fake();
        let msg = |given: &[(&'static str, &str)]| call(&fake, given).data.get("msg").unwrap().to_string();
        assert_eq!(msg(&[("command", "x")]), "present state requires count and units");
        assert_eq!(msg(&[("state", "absent")]), "one of the following is required: command, script_file");
        let reply = fake.check("at", args([("command", "x"), ("count", "1"), ("units", "days")]));
        assert_eq!(reply.data.get("skipped"), Some(&true.into()));
    }
}
