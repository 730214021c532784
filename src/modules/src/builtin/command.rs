//! Runs a program on the target, without a shell.
//!
//! Options:
//! - free form, `cmd` (text) or `argv` (list): the program and its arguments; exactly one of them.
//! - `chdir` (path): folder to run in.
//! - `creates`, `removes` (path or glob): skip when it exists, or does not exist.
//! - `stdin` (text), `stdin_add_newline` (bool, default true): standard input.
//! - `strip_empty_ends` (bool, default true): cut empty lines off the end of the outputs.
//! - `expand_argument_vars` (bool, default true): replace `$NAME` and `~` in arguments.
//! - `executable`: without effect but a warning; `shell` has it.
//!
//! Returns: `cmd`, `rc`, `stdout`, `stderr`, `stdout_lines`, `stderr_lines`, `start`, `end`, `delta`, `msg`.
//! Check mode: with `creates` or `removes` predicted, otherwise skipped.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.command: make install
//!   args:
//!     chdir: /usr/src/thing
//!     creates: /usr/local/bin/thing
//! ```

use std::io;
use std::path::{Path, PathBuf};

use jiff::Zoned;
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use rplay_protocol::Reply;
use rplay_value::{List, Value};

use crate::convert::{python_str, quoted};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Output, Program, Support, Surroundings, glob, words};

/// `ansible.builtin.command`
pub static MODULE: Module = Module {
    name: "command",
    collection: "ansible.builtin",
    spec: &SPEC,
    check: Support::Partial,
    diff: Support::None,
    run,
};

/// What command and shell take.
pub(crate) const SPEC: ArgSpec = ArgSpec {
    args: &[
        Arg::text("_raw_params"),
        Arg::text("cmd"),
        Arg::list("argv"),
        Arg::path("chdir"),
        Arg::text("executable"),
        Arg::bool("expand_argument_vars").default("true"),
        Arg::path("creates"),
        Arg::path("removes"),
        Arg::text("stdin"),
        Arg::bool("stdin_add_newline").default("true"),
        Arg::bool("strip_empty_ends").default("true"),
        // Long without effect, still written in old playbooks; ansible-core refuses it, old releases do not.
        Arg::bool("warn").gone(),
    ],
    free_form: true,
    exclusive: &[&["_raw_params", "cmd", "argv"]],
    one_of: &[&["_raw_params", "cmd", "argv"]],
    ..ArgSpec::EMPTY
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    if let Some(executable) = args.text("executable") {
        cx.warn(format!(
            "As of Ansible 2.4, the parameter 'executable' is no longer supported with the 'command' module. Not using '{executable}'."
        ));
    }
    let line = args.text("_raw_params").or(args.text("cmd")).filter(|line| !line.is_empty());
    let argv: Vec<String> = match line {
        Some(line) => words::split(line).map_err(ModuleError::msg)?,
        None => args.list("argv").map(|list| list.iter().map(python_str).collect()).unwrap_or_default(),
    };
    if argv.is_empty() {
        return Err(ModuleError::reply(Reply::failure("no command given").with("rc", 256)));
    }
    let shown: Value = argv.iter().collect::<List>().into();
    let program = if args.flag("expand_argument_vars") {
        let sys = cx.sys();
        let surroundings = Surroundings::new(|name| sys.var(name));
        Program::new(argv.iter().map(|word| surroundings.expand(word)))
    } else {
        Program::new(argv)
    };
    run_program(cx, args, shown, program)
}

/// What command and shell share: conditions, check mode, the run, the result. `shown` is reported as `cmd`.
pub(crate) fn run_program(cx: &Context<'_>, args: &Args, shown: Value, program: Program) -> Result<Reply, ModuleError> {
    let mut reply = Reply::ok().with("cmd", shown.clone()).with("delta", Value::Null).with("end", Value::Null);
    reply =
        reply.with("msg", "").with("rc", Value::Null).with("start", Value::Null).with("stderr", "").with("stdout", "");
    let chdir = args.text("chdir").map(|folder| cx.path(folder));
    if let Some(code) = chdir.as_deref().and_then(cannot_enter) {
        let (words, shown) = (Errno::from_raw(code).desc(), quoted(args.need("chdir")));
        let msg = format!("Unable to change directory before execution: [Errno {code}] {words}: b{shown}");
        return Err(ModuleError::reply(reply.with("msg", msg)));
    }
    let did = if cx.check() { "Would" } else { "Did" };
    if let Some(skipped) = unmet(args, chdir.as_deref()) {
        let (msg, stdout) =
            (format!("{did} not run command since {}", skipped.0), format!("skipped, since {}", skipped.1));
        return Ok(reply.with("msg", msg).with("stdout", stdout).with("rc", 0));
    }
    if cx.check() {
        let conditional = args.get("creates").is_some() || args.get("removes").is_some();
        let mut reply = reply.with("rc", 0).with("msg", "Command would have run if not in check mode");
        reply.changed = conditional;
        if !conditional {
            reply = reply.with("skipped", true);
        }
        return Ok(reply);
    }
    let stdin = args.text("stdin").filter(|text| !text.is_empty()).map(|text| {
        let mut bytes = text.as_bytes().to_vec();
        if args.flag("stdin_add_newline") {
            bytes.push(b'\n');
        }
        bytes
    });
    let program = Program { stdin, cwd: chdir, live: true, ..program };
    let started = Zoned::now();
    let output = cx.sys().run(&program).map_err(|error| not_started(&error, &shown, &program))?;
    reply.changed = true;
    Ok(finish(reply, &output, &started, args.flag("strip_empty_ends")))
}

/// Why a folder cannot be the working folder.
fn cannot_enter(folder: &Path) -> Option<i32> {
    match std::fs::metadata(folder) {
        Err(error) => Some(errno_of(&error)),
        Ok(metadata) if !metadata.is_dir() => Some(libc::ENOTDIR),
        Ok(_) => access(folder, AccessFlags::X_OK).err().map(|errno| errno as i32),
    }
}

/// Why the conditions say not to run, as the two texts results hold.
fn unmet(args: &Args, chdir: Option<&Path>) -> Option<(String, String)> {
    let exists = |pattern: &str| {
        !glob::matches(&chdir.map_or_else(|| PathBuf::from(pattern), |folder| folder.join(pattern))).is_empty()
    };
    if let Some(path) = args.text("creates").filter(|path| exists(path)) {
        return Some((format!("'{path}' exists"), format!("{path} exists")));
    }
    let path = args.text("removes").filter(|path| !exists(path))?;
    Some((format!("'{path}' does not exist"), format!("{path} does not exist")))
}

fn finish(reply: Reply, output: &Output, started: &Zoned, strip: bool) -> Reply {
    let ended = Zoned::now();
    let text = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        if strip { text.trim_end_matches(['\r', '\n']).to_owned() } else { text.into_owned() }
    };
    let mut reply = reply
        .with("delta", delta(started, &ended))
        .with("end", timestamp(&ended))
        .with("rc", output.rc)
        .with("start", timestamp(started))
        .with("stderr", text(&output.stderr))
        .with("stdout", text(&output.stdout));
    if !output.success() {
        reply.failed = true;
        reply = reply.with("msg", "non-zero return code");
    }
    reply
}

fn not_started(error: &io::Error, shown: &Value, program: &Program) -> ModuleError {
    let name = program.argv.first().map(String::as_str).unwrap_or_default();
    let cmd = match shown {
        Value::List(list) => list.iter().map(|word| words::quote(&python_str(word))).collect::<Vec<_>>().join(" "),
        other => python_str(other),
    };
    let code = errno_of(error);
    let msg = format!("Error executing command: [Errno {code}] {}: b{}", Errno::from_raw(code).desc(), quoted(name));
    let reply = Reply::failure(msg).with("cmd", cmd).with("rc", code).with("stdout", "").with("stderr", "");
    ModuleError::reply(reply)
}

/// The error's number, from its kind when the number was lost on the way.
fn errno_of(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(match error.kind() {
        io::ErrorKind::NotFound => libc::ENOENT,
        io::ErrorKind::PermissionDenied => libc::EACCES,
        io::ErrorKind::NotADirectory => libc::ENOTDIR,
        io::ErrorKind::Interrupted => libc::EINTR,
        _ => libc::EIO,
    })
}

/// `2026-11-20 13:18:09.303016`, local time as Python's `str(datetime.now())`.
pub(crate) fn timestamp(time: &Zoned) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S.%6f").to_string()
}

/// `0:00:00.003985`, as Python's `str(timedelta)`.
pub(crate) fn delta(started: &Zoned, ended: &Zoned) -> String {
    let micros = (ended.timestamp().as_microsecond() - started.timestamp().as_microsecond()).max(0);
    let (days, seconds) = (micros / 86_400_000_000, micros / 1_000_000 % 86_400);
    let clock = format!("{}:{:02}:{:02}.{:06}", seconds / 3600, seconds / 60 % 60, seconds % 60, micros % 1_000_000);
    match days {
        0 => clock,
        1 => format!("1 day, {clock}"),
        days => format!("{days} days, {clock}"),
    }
}

#[cfg(test)]
mod tests {
    use rplay_protocol::Call;

    use super::*;
    use crate::testing::args;
    use crate::{Real, run as call};

    fn command(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Reply {
        call(&Real::default(), &Call { module: "command".into(), args: args(entries), ..Call::default() })
    }

    fn get<'a>(reply: &'a Reply, key: &str) -> &'a str {
        reply.data.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    #[test]
    fn a_program_runs_with_expanded_arguments_and_reports() {
        let reply = command([("_raw_params", "echo 'a  b' $HOME $NOT_SET ; ~".into())]);
        let home = std::env::var("HOME").unwrap();
        assert_eq!(get(&reply, "stdout"), format!("a  b {home} $NOT_SET ; {home}"));
        assert!(reply.changed && !reply.failed);
        assert_eq!(reply.data.get("rc"), Some(&0.into()));
        assert_eq!(reply.data.get("cmd").unwrap().repr(), "['echo', 'a  b', '$HOME', '$NOT_SET', ';', '~']");
        assert_eq!(get(&reply, "delta").len(), "0:00:00.003985".len());
        assert_eq!(get(&reply, "start").len(), "2026-11-20 13:18:09.303016".len());
    }

    #[test]
    fn failures_carry_everything() {
        let reply = command([("argv", vec!["sh", "-c", "echo a; echo b; echo c >&2; exit 3"].into())]);
        assert!(reply.failed && reply.changed);
        assert_eq!(get(&reply, "msg"), "non-zero return code");
        assert_eq!(reply.data.get("stdout_lines"), Some(&vec!["a", "b"].into()));
        assert_eq!((get(&reply, "stderr"), reply.data.get("rc")), ("c", Some(&3.into())));
    }

    #[test]
    fn what_cannot_start_says_why_in_ansibles_words() {
        let reply = command([("_raw_params", "nosuchprog x".into())]);
        assert_eq!(get(&reply, "msg"), "Error executing command: [Errno 2] No such file or directory: b'nosuchprog'");
        assert_eq!((reply.data.get("rc"), get(&reply, "cmd")), (Some(&2.into()), "nosuchprog x"));
        let reply = command([("_raw_params", "ls".into()), ("chdir", "/no/such".into())]);
        let msg = "Unable to change directory before execution: [Errno 2] No such file or directory: b'/no/such'";
        assert_eq!(get(&reply, "msg"), msg);
        let reply = command([("_raw_params", "ls".into()), ("cmd", "ls".into())]);
        assert_eq!(get(&reply, "msg"), "parameters are mutually exclusive: _raw_params|cmd|argv");
        assert_eq!(get(&command([]), "msg"), "one of the following is required: _raw_params, cmd, argv");
    }

    #[test]
    fn creates_and_removes_decide_and_are_relative_to_chdir() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("made.txt"), "").unwrap();
        let here = folder.path().to_str().unwrap();
        let reply = command([("_raw_params", "touch x".into()), ("chdir", here.into()), ("creates", "made.*".into())]);
        assert!(!reply.changed);
        assert_eq!(get(&reply, "msg"), "Did not run command since 'made.*' exists");
        assert_eq!(get(&reply, "stdout"), "skipped, since made.* exists");
        let reply = command([("_raw_params", "touch x".into()), ("chdir", here.into()), ("removes", "none".into())]);
        assert_eq!(get(&reply, "msg"), "Did not run command since 'none' does not exist");
        assert!(!folder.path().join("x").exists());
    }

    #[test]
    fn check_mode_runs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x");
        let entries = [("_raw_params", Value::from(format!("touch {}", target.display())))];
        let task = Call { module: "command".into(), args: args(entries), check: true, ..Call::default() };
        let reply = call(&Real::default(), &task);
        assert_eq!(reply.data.get("skipped"), Some(&true.into()));
        assert!(!reply.changed && !target.exists());
        assert_eq!(get(&reply, "msg"), "Command would have run if not in check mode");
    }

    #[test]
    fn input_is_given_with_a_newline_unless_told_otherwise() {
        let wc = |newline: bool| {
            let reply = command([
                ("_raw_params", "wc -c".into()),
                ("stdin", "ab".into()),
                ("stdin_add_newline", newline.into()),
            ]);
            get(&reply, "stdout").to_owned()
        };
        assert_eq!((wc(true).as_str(), wc(false).as_str()), ("3", "2"));
    }
}
