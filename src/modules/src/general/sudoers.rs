//! Keeps a rule for sudo in a file of its own.
//!
//! Options:
//! - `name` (required): the file's name; `sudoers_path` (default `/etc/sudoers.d`), `state` (`present` or `absent`).
//! - `user` or `group`; `commands` (list, needed for `present`); `host` (default `ALL`), `runas`.
//! - `nopassword` (bool, default true), `noexec`, `setenv` (bool).
//! - `validation` (`detect`, `required`, `absent`): whether `visudo` has to accept the rule.
//!
//! Returns: nothing of its own.
//!
//! Check mode: yes. Diff: none.
//!
//! Example:
//! ```yaml
//! - community.general.sudoers:
//!     name: deploy
//!     user: deploy
//!     commands: [/usr/bin/systemctl restart nova-compute]
//! ```

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rplay_protocol::Reply;
use rplay_value::List;

use crate::{Arg, ArgSpec, Args, Context, Mode, Module, ModuleError, Program, Replace, Support};

/// `community.general.sudoers`
pub static MODULE: Module = Module {
    name: "sudoers",
    collection: "community.general",
    spec: &ArgSpec {
        args: &[
            Arg::list("commands"),
            Arg::text("group"),
            Arg::text("name").required(),
            Arg::bool("noexec").default("false"),
            Arg::bool("nopassword").default("true"),
            Arg::bool("setenv").default("false"),
            Arg::text("host").default("ALL"),
            Arg::text("runas"),
            Arg::text("sudoers_path").default("/etc/sudoers.d"),
            Arg::text("state").default("present").choices(&["present", "absent"]),
            Arg::text("user"),
            Arg::text("validation").default("detect").choices(&["absent", "detect", "required"]),
        ],
        exclusive: &[&["user", "group"]],
        required_if: &[("state", "present", &["commands"])],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

/// The mode sudo wants its files to have.
const MODE: u32 = 0o440;

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let file = cx.path(Path::new(args.need("sudoers_path")).join(args.need("name")));
    let mut reply = Reply::ok();
    if args.need("state") == "absent" {
        reply.changed = file.exists();
        if reply.changed && !cx.check() {
            fs_err::remove_file(&file)?;
        }
        return Ok(reply);
    }
    let owner = match (args.text("user"), args.text("group")) {
        (Some(user), _) => user.to_owned(),
        (None, Some(group)) => format!("%{group}"),
        (None, None) => return Err(ModuleError::msg("one of user and group is needed for state=present")),
    };
    let tag = |name: &str, text: &'static str| if args.flag(name) { text } else { "" };
    let rule = format!(
        "{owner} {}={}{}{}{} {}\n",
        args.need("host"),
        args.text("runas").map(|user| format!("({user})")).unwrap_or_default(),
        tag("noexec", "NOEXEC:"),
        tag("nopassword", "NOPASSWD:"),
        tag("setenv", "SETENV:"),
        args.texts("commands").join(", ")
    );
    validate(cx, args.need("validation"), &rule)?;
    let is_there = || Some((fs_err::read_to_string(&file).ok()?, fs_err::metadata(&file).ok()?.mode() & 0o777));
    reply.changed = is_there() != Some((rule.clone(), MODE));
    if reply.changed && !cx.check() {
        // sudo reads the folder at any time: never half a rule, never a file that others can write.
        Replace::new(&file).mode(Some(&Mode::Bits(MODE))).write(cx.sys(), rule.as_bytes())?;
    }
    Ok(reply)
}

fn validate(cx: &Context<'_>, validation: &str, rule: &str) -> Result<(), ModuleError> {
    let program = match (validation, cx.sys().which("visudo")) {
        ("absent", _) | ("detect", None) => return Ok(()),
        (_, Some(program)) => program.to_string_lossy().into_owned(),
        (_, None) => cx.sys().need("visudo")?,
    };
    let output = cx.sys().run(&Program::new([program.as_str(), "-c", "-f", "-"]).stdin(rule))?;
    if output.success() {
        return Ok(());
    }
    let said = if output.stdout.is_empty() { output.err() } else { output.out() };
    let reply = Reply::failure(format!("Failed to validate sudoers rule:\n{said}"));
    let lines = |text: &str| text.lines().collect::<List>();
    let reply = reply.with("stdout_lines", lines(&output.out())).with("stderr_lines", lines(&output.err()));
    Err(ModuleError::reply(reply.with("stdout", output.out()).with("stderr", output.err())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sys as _;
    use crate::testing::{Fake, args};

    #[test]
    fn a_rule_is_written_once_and_removed() {
        let fake = Fake::new().unwrap().on("visudo -c -f -", 0, "");
        fs_err::create_dir_all(fake.path("/etc/sudoers.d".as_ref())).unwrap();
        let given = || {
            args([("name", "x"), ("group", "wheel"), ("commands", "/bin/a,/bin/b"), ("runas", "me"), ("setenv", "yes")])
        };
        assert!(fake.check("sudoers", given()).changed && fake.call("sudoers", given()).changed);
        assert_eq!(fake.read("/etc/sudoers.d/x").unwrap(), "%wheel ALL=(me)NOPASSWD:SETENV: /bin/a, /bin/b\n");
        assert_eq!(fs_err::metadata(fake.path("/etc/sudoers.d/x".as_ref())).unwrap().mode() & 0o777, MODE);
        assert!(!fake.call("sudoers", given()).changed);
        assert!(fake.call("sudoers", args([("name", "x"), ("state", "absent")])).changed);
        assert!(!fake.call("sudoers", args([("name", "x"), ("state", "absent")])).changed);
    }

    #[test]
    fn a_rule_that_visudo_refuses_is_not_written() {
        let fake = Fake::new().unwrap().on("visudo", 1, "stdin:1: syntax error\n");
        let reply = fake.call("sudoers", args([("name", "x"), ("user", "me"), ("commands", "bad")]));
        assert_eq!(
            reply.data.get("msg").unwrap().to_string(),
            "Failed to validate sudoers rule:\nstdin:1: syntax error\n"
        );
        assert!(fake.read("/etc/sudoers.d/x").is_err());
        let none = Fake::new().unwrap();
        let reply =
            none.call("sudoers", args([("name", "x"), ("user", "me"), ("commands", "a"), ("validation", "required")]));
        assert!(
            reply.data.get("msg").unwrap().to_string().starts_with("Failed to find required executable \"visudo\"")
        );
    }
}
