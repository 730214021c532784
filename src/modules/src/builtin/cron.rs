//! Manages jobs and variables of crontabs.
//!
//! Options:
//! - `name` (required): what the job is known by, or the variable's name.
//! - `job` (alias `value`): the command, or the variable's value. `state` (default `present`): `present`, `absent`.
//! - `minute`, `hour`, `day` (alias `dom`), `month`, `weekday` (alias `dow`), each `*` by default, or `special_time`.
//! - `user`: whose crontab; `cron_file`: a file of `/etc/cron.d`, or a path, instead.
//! - `env`: manage a variable; `insertafter`, `insertbefore`: near which other one.
//! - `disabled`: keep the job commented out. `backup`: keep a copy of the crontab.
//!
//! Returns: `jobs`, `envs`, `backup_file`, `cron_file`, `state`.
//!
//! Check mode: full. Diff: full.
//!
//! Example:
//! ```yaml
//! - cron:
//!     name: rotate logs
//!     hour: "2"
//!     minute: "0"
//!     job: /usr/local/bin/rotate
//! ```

use std::path::PathBuf;

use rplay_protocol::{Diff, Reply};

use crate::accounts::Accounts;
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Program, Replace, Support, tools};

/// `ansible.builtin.cron`
pub static MODULE: Module = Module {
    name: "cron",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("name").required(),
            Arg::text("user"),
            Arg::text("job").alias(&["value"]),
            Arg::path("cron_file"),
            Arg::text("state").default("present").choices(&["present", "absent"]),
            Arg::bool("backup").default("false"),
            Arg::text("minute").default("*"),
            Arg::text("hour").default("*"),
            Arg::text("day").default("*").alias(&["dom"]),
            Arg::text("month").default("*"),
            Arg::text("weekday").default("*").alias(&["dow"]),
            Arg::text("special_time")
                .choices(&["reboot", "yearly", "annually", "monthly", "weekly", "daily", "hourly"]),
            Arg::bool("disabled").default("false"),
            Arg::bool("env").default("false"),
            Arg::text("insertafter"),
            Arg::text("insertbefore"),
        ],
        exclusive: &[&["insertafter", "insertbefore"]],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

/// Stands before the name in the comment over each job.
const MARK: &str = "#Ansible: ";

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    check(cx, args)?;
    let mut tab = Crontab::read(cx, args)?;
    let before = tab.text.clone();
    let mut reply = Reply::ok();
    let backup = (args.flag("backup") && !cx.check()).then(|| tab.render());
    let wanted = args.need("state") == "present";
    let mut changed = if args.flag("env") { tab.edit_variable(args, wanted)? } else { tab.edit_job(cx, args, wanted) };
    let title = match (&tab.file, &tab.user) {
        (Some(file), _) => file.to_string_lossy().into_owned(),
        (None, Some(user)) => format!("crontab for user \"{user}\""),
        (None, None) => "crontab".to_owned(),
    };
    let emptied =
        changed && !wanted && !args.flag("env") && tab.file.is_some() && tab.lines.iter().all(|l| l.trim().is_empty());
    if let (true, Some(file)) = (emptied, &tab.file) {
        let path = cx.path(file);
        reply.changed = path.is_file();
        if !cx.check() && reply.changed {
            fs_err::remove_file(path)?;
        }
        let diff = Diff::text(&title, before, "/dev/null", "");
        return Ok(reply.with("cron_file", args.need("cron_file")).with("state", "absent").with_diff(Some(diff)));
    }
    // A last line without its end would be ignored by cron.
    changed |= !before.is_empty() && !before.ends_with(['\n', '\r']);
    reply.changed = changed;
    if let Some(backup) = backup.filter(|_| changed) {
        let file = tempfile::Builder::new().prefix("crontab").tempfile_in(cx.sys().tmp())?;
        fs_err::write(file.path(), backup)?;
        let path = file.into_temp_path().keep().map_err(|error| error.error)?;
        reply = reply.with("backup_file", path.to_string_lossy().into_owned());
    }
    if let Some(file) = args.text("cron_file") {
        reply = reply.with("cron_file", file);
    }
    if changed && !cx.check() {
        tab.write(cx)?;
    }
    let named = |line: &&String| line.starts_with(MARK);
    let jobs: Vec<String> = tab.lines.iter().filter(named).map(|line| line[MARK.len()..].to_owned()).collect();
    let variables: Vec<String> = tab.lines.iter().filter_map(|line| variable_name(line)).map(str::to_owned).collect();
    let diff = changed.then(|| Diff::text(&title, before, &title, tab.render()));
    Ok(reply.with("jobs", jobs).with("envs", variables).with_diff(diff.filter(|_| cx.diff())))
}

/// Rules between arguments that depend on their values.
fn check(cx: &mut Context<'_>, args: &Args) -> Result<(), ModuleError> {
    let refuse = |msg: &str| Err(ModuleError::msg(msg));
    if let Some(file) = args.text("cron_file") {
        if file == "/etc/crontab" {
            return refuse("Will not manage /etc/crontab via cron_file, see documentation.");
        }
        let name = file.rsplit('/').next().unwrap_or(file);
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)) {
            cx.warn(format!("Filename portion of cron_file (\"{name}\") should consist solely of upper- and lower-case letters, digits, underscores, and hyphens"));
        }
    }
    let times = ["minute", "hour", "day", "month", "weekday"];
    if args.get("special_time").is_some() && times.iter().any(|time| args.need(time) != "*") {
        return refuse("You cannot combine special_time with any of the time or day/date parameters.");
    }
    if args.need("state") == "present" {
        if args.get("cron_file").is_some() && args.get("user").is_none() {
            return refuse("To use cron_file=... parameter you must specify user=... as well");
        }
        if args.get("job").is_none() {
            return refuse("You must specify 'job' to install a new cron job or variable");
        }
        let near = args.get("insertafter").or(args.get("insertbefore"));
        if near.is_some() && !args.flag("env") {
            return refuse("Insertafter and insertbefore parameters are valid only with env=yes");
        }
    }
    if args.flag("env") && args.need("name").contains(' ') {
        return refuse("Invalid name for environment variable");
    }
    Ok(())
}

fn variable_name(line: &str) -> Option<&str> {
    let (name, _) = line.split_once('=')?;
    (!name.is_empty() && !name.contains(char::is_whitespace)).then_some(name)
}

struct Crontab {
    user: Option<String>,
    file: Option<PathBuf>,
    lines: Vec<String>,
    text: String,
}

impl Crontab {
    fn read(cx: &Context<'_>, args: &Args) -> Result<Self, ModuleError> {
        let user = args.text("user").map(str::to_owned);
        if let Some(file) = args.text("cron_file") {
            let file = PathBuf::from("/etc/cron.d").join(file);
            let text = fs_err::read(cx.path(&file))
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .unwrap_or_default();
            let lines = text.lines().map(str::to_owned).collect();
            return Ok(Self { user, file: Some(file), lines, text });
        }
        let mut tab = Self { user, file: None, lines: Vec::new(), text: String::new() };
        let output = tools::run(cx, &tab.command(cx, "-l")?)?;
        if !matches!(output.rc, 0 | 1) {
            return Err(ModuleError::msg("Unable to read crontab"));
        }
        // Some crontab programs put three lines of their own in front.
        let own = |line: &str| {
            line.starts_with("# DO NOT EDIT THIS FILE - edit the master and reinstall.")
                || line.starts_with("# (/tmp/") && line.contains("installed on")
                || line.starts_with("# (") && line.contains("version")
        };
        let text = output.out();
        let kept = text.split_inclusive('\n').enumerate().filter(|(number, line)| *number > 2 || !own(line));
        tab.text = kept.map(|(_, line)| line).collect();
        tab.lines = tab.text.lines().map(str::to_owned).collect();
        Ok(tab)
    }

    fn command(&self, cx: &Context<'_>, last: &str) -> Result<Vec<String>, ModuleError> {
        let mut argv = vec![tools::need(cx, "crontab")?];
        if let Some(user) = &self.user {
            let me = Accounts::new(cx).user_by_id(cx.sys().euid()).map(|account| account.name);
            if me.as_ref() != Some(user) {
                argv.extend(["-u".to_owned(), user.clone()]);
            }
        }
        argv.push(last.to_owned());
        Ok(argv)
    }

    fn render(&self) -> String {
        let text = self.lines.join("\n");
        if text.is_empty() { text } else { format!("{}\n", text.trim_end_matches(['\r', '\n'])) }
    }

    fn write(&self, cx: &Context<'_>) -> Result<(), ModuleError> {
        if let Some(file) = &self.file {
            let path = cx.path(file);
            let new = !path.exists();
            Replace::new(&path).write(cx.sys(), self.render().as_bytes())?;
            if new {
                // cron reads its folder's files whoever runs it; others may look at the schedule.
                fs_err::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
            }
            return Ok(());
        }
        let output = tools::run_program(cx, Program::new(self.command(cx, "-")?).stdin(self.render()))?;
        if output.success() {
            return Ok(());
        }
        let reply = Reply::failure("Failed to install new cronfile: -").with("stdout", output.out());
        Err(ModuleError::reply(reply.with("stderr", output.err()).with("rc", output.rc)))
    }

    fn edit_variable(&mut self, args: &Args, wanted: bool) -> Result<bool, ModuleError> {
        let name = args.need("name");
        let declaration = format!("{name}=\"{}\"", args.need("job"));
        let find = |lines: &[String], name: &str| lines.iter().position(|line| line.starts_with(&format!("{name}=")));
        match (find(&self.lines, name), wanted) {
            (None, false) => Ok(false),
            (Some(_), false) => {
                self.lines.retain(|line| !line.starts_with(&format!("{name}=")));
                Ok(true)
            }
            (Some(at), true) => {
                let changed = self.lines[at] != declaration;
                for line in self.lines.iter_mut().filter(|line| line.starts_with(&format!("{name}="))) {
                    line.clone_from(&declaration);
                }
                Ok(changed)
            }
            (None, true) => {
                let near =
                    args.text("insertafter").map(|other| (other, 1)).or(args.text("insertbefore").map(|o| (o, 0)));
                let at = match near {
                    None => 0,
                    Some((other, offset)) => {
                        let found = find(&self.lines, other);
                        found.ok_or_else(|| ModuleError::msg(format!("Variable named '{other}' not found.")))? + offset
                    }
                };
                self.lines.insert(at, declaration);
                Ok(true)
            }
        }
    }

    fn edit_job(&mut self, cx: &mut Context<'_>, args: &Args, wanted: bool) -> bool {
        let comment = format!("{MARK}{}", args.need("name"));
        let found = self.lines.iter().position(|line| *line == comment);
        if !wanted {
            let before = self.lines.len();
            self.replace_job(&comment, None);
            return self.lines.len() != before;
        }
        let command = args.need("job").trim_matches(['\r', '\n']);
        if command.contains(['\r', '\n']) {
            cx.warn("Job should not contain line breaks");
        }
        let job = self.job(args, command);
        if let Some(at) = found {
            let same = self.lines.get(at + 1).is_some_and(|line| *line == job);
            if !same {
                self.replace_job(&comment, Some(&job));
            }
            return !same;
        }
        // The same job without a name, or under no name, gets this one.
        match self.lines.iter().position(|line| *line == job) {
            Some(at) if at == 0 || !self.lines[at - 1].starts_with(MARK) => self.lines.insert(at, comment),
            Some(at) if self.lines[at - 1] == format!("{MARK}None") => self.lines[at - 1] = comment,
            _ => self.lines.extend([comment, job]),
        }
        true
    }

    /// Puts another line under every comment of this name, or takes both out.
    fn replace_job(&mut self, comment: &str, job: Option<&str>) {
        let mut lines = Vec::with_capacity(self.lines.len());
        let mut old = self.lines.drain(..);
        while let Some(line) = old.next() {
            if line != comment {
                lines.push(line);
                continue;
            }
            old.next();
            if let Some(job) = job {
                lines.extend([line, job.to_owned()]);
            }
        }
        drop(old);
        self.lines = lines;
    }

    fn job(&self, args: &Args, command: &str) -> String {
        let off = if args.flag("disabled") { "#" } else { "" };
        let user = match (&self.file, &self.user) {
            (Some(_), Some(user)) => format!("{user} "),
            _ => String::new(),
        };
        if let Some(special) = args.text("special_time") {
            return format!("{off}@{special} {user}{command}");
        }
        let times = ["minute", "hour", "day", "month", "weekday"].map(|time| args.need(time));
        format!("{off}{} {user}{command}", times.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn a_job_of_a_user() {
        let fake =
            Fake::new().unwrap().on("crontab -u stack -l", 0, "#Ansible: old\n0 1 * * * x\n").on("crontab", 0, "");
        fake.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\n").unwrap();
        let call = |entries: &[(&'static str, &'static str)]| fake.call("cron", args(entries.iter().copied()));
        let reply = call(&[("name", "old"), ("minute", "0"), ("hour", "1"), ("job", "x"), ("user", "stack")]);
        assert!(!reply.changed && !reply.failed, "{reply:?}");
        let reply =
            call(&[("name", "new"), ("special_time", "daily"), ("job", "y"), ("user", "stack"), ("disabled", "yes")]);
        assert!(reply.changed);
        assert_eq!(reply.data.get("jobs"), Some(&vec!["old", "new"].into()));
        let written = fake.programs().pop().unwrap();
        assert_eq!(written.argv[1..], ["-u", "stack", "-"]);
        assert_eq!(written.stdin.unwrap(), b"#Ansible: old\n0 1 * * * x\n#Ansible: new\n#@daily y\n");
        assert!(call(&[("name", "old"), ("state", "absent"), ("user", "stack")]).changed);
        assert_eq!(fake.programs().pop().unwrap().stdin.unwrap(), b"");
    }

    #[test]
    fn files_come_and_go() {
        let fake = Fake::new().unwrap();
        fake.write("/etc/cron.d/x", "").unwrap();
        let call = |entries: &[(&'static str, &'static str)]| {
            let mut given = args([("cron_file", "mine"), ("user", "root")]);
            for (key, value) in entries {
                given.insert(*key, *value);
            }
            fake.call("cron", given)
        };
        assert!(call(&[("name", "a"), ("minute", "5"), ("job", "run a")]).changed);
        assert!(call(&[("name", "PATH"), ("env", "true"), ("value", "/bin")]).changed);
        let text = "PATH=\"/bin\"\n#Ansible: a\n5 * * * * root run a\n";
        assert_eq!(fake.read("/etc/cron.d/mine").unwrap(), text);
        assert!(!call(&[("name", "a"), ("minute", "5"), ("job", "run a")]).changed);
        assert!(call(&[("name", "PATH"), ("env", "true"), ("state", "absent")]).changed);
        assert!(call(&[("name", "a"), ("state", "absent")]).changed);
        assert!(fake.read("/etc/cron.d/mine").is_err());
        assert!(!call(&[("name", "a"), ("state", "absent")]).changed);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let fake = Fake::new().unwrap().on("crontab", 0, "");
        let msg = |entries: &[(&'static str, &'static str)]| {
            fake.call("cron", args(entries.iter().copied())).data.get("msg").unwrap().as_str().unwrap().to_owned()
        };
        assert_eq!(msg(&[("name", "a")]), "You must specify 'job' to install a new cron job or variable");
        assert!(
            msg(&[("name", "a"), ("job", "b"), ("special_time", "daily"), ("hour", "1")])
                .starts_with("You cannot combine")
        );
        assert!(msg(&[("name", "a"), ("job", "b"), ("cron_file", "/etc/crontab")]).starts_with("Will not manage"));
    }
}
