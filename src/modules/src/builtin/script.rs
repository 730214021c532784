//! Runs a script of the controller on the target.
//!
//! The controller sends the script as the attachment `src`; it lives in a private folder while it runs.
//!
//! Options:
//! - free form or `cmd` (text): the script's path on the controller and its arguments.
//! - `chdir` (path): absolute folder to run in.
//! - `creates`, `removes` (path): skip when it exists, or does not exist.
//! - `executable` (text): program that runs the script, such as `python3`; default is the script's first line.
//! - `decrypt` (bool, default true): decrypt a script that is encrypted with ansible-vault.
//!
//! Returns: `rc`, `stdout`, `stderr`, `stdout_lines`, `stderr_lines`.
//! Check mode: with `creates` or `removes` predicted, otherwise skipped.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.script: files/setup.sh --fast
//!   args:
//!     creates: /etc/thing.done
//! ```

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rplay_protocol::Reply;

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Program, Support, words};

/// `ansible.builtin.script`
pub static MODULE: Module = Module {
    name: "script",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("_raw_params"),
            Arg::text("cmd"),
            Arg::text("chdir"),
            Arg::text("creates"),
            Arg::text("removes"),
            Arg::text("executable"),
            // The controller's business; accepted because the same arguments reach the target.
            Arg::bool("decrypt").default("true"),
        ],
        free_form: true,
        exclusive: &[&["_raw_params", "cmd"]],
        one_of: &[&["_raw_params", "cmd"]],
        ..ArgSpec::EMPTY
    },
    check: Support::Partial,
    diff: Support::None,
    run,
};

/// How often a start is tried again while another thread's new program still holds the script open.
const BUSY_RETRIES: u32 = 20;

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let skip = |msg: String| Ok(Reply::ok().with("skipped", true).with("msg", msg));
    if let Some(path) = args.text("creates").filter(|path| !path.is_empty() && cx.path(path).exists()) {
        return skip(format!("{path} exists, matching creates option"));
    }
    if let Some(path) = args.text("removes").filter(|path| !path.is_empty() && !cx.path(path).exists()) {
        return skip(format!("{path} does not exist, matching removes option"));
    }
    let chdir = args.text("chdir").filter(|folder| !folder.is_empty());
    if let Some(folder) = chdir.filter(|folder| !folder.starts_with('/')) {
        return Err(ModuleError::msg(format!("chdir {folder} must be an absolute path for a Unix-aware remote node")));
    }
    let line = args.text("_raw_params").or(args.text("cmd")).unwrap_or_default().trim();
    let parts = words::split(line).map_err(ModuleError::msg)?;
    let script = parts.first().ok_or_else(|| ModuleError::msg("no script given"))?;
    if cx.check() {
        let conditional = args.get("creates").is_some() || args.get("removes").is_some();
        let reply = Reply::changed(conditional);
        return Ok(if conditional {
            reply
        } else {
            reply.with("skipped", true).with("msg", "Check mode is not supported for this task.")
        });
    }
    let content = cx.attachment("src").ok_or_else(|| {
        ModuleError::msg(format!("the script {script} did not come with the call (attachment `src`)"))
    })?;
    // Only this user can enter the folder, whatever the script holds.
    let folder = tempfile::Builder::new()
        .prefix("rplay-script-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(cx.sys().tmp())?;
    let name = Path::new(script).file_name().unwrap_or_default();
    let path = folder.path().join(name);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o700).open(&path)?;
    file.write_all(content)?;
    drop(file);
    let place = words::quote(&path.to_string_lossy());
    let rest = line.find(script.as_str()).map_or("", |at| &line[at + script.len()..]);
    // A quoted script name leaves its closing quote behind.
    let rest = rest.strip_prefix(['"', '\'']).unwrap_or(rest);
    let command = match args.text("executable").filter(|e| !e.is_empty()) {
        Some(executable) => format!("{executable} {place}{rest}"),
        None => format!("{place}{rest}"),
    };
    // The shell enters the folder, and says so when it cannot.
    let command = chdir.map_or(command.clone(), |folder| format!("cd {} && {command}", words::quote(folder)));
    let program = Program::shell(&command).live();
    let mut output = cx.sys().run(&program)?;
    for _ in 0..BUSY_RETRIES {
        // The script itself has not started when the system says its file is open for writing.
        if output.rc != 126 || !output.err().contains("Text file busy") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(25));
        output = cx.sys().run(&program)?;
    }
    let mut reply =
        Reply::changed(true).with("rc", output.rc).with("stdout", output.out()).with("stderr", output.err());
    if !output.success() {
        reply.failed = true;
        reply = reply.with("msg", "non-zero return code");
    }
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use rplay_protocol::{Attachment, Call};
    use rplay_value::Value;

    use super::*;
    use crate::testing::args;
    use crate::{Real, run as call};

    fn script(content: &str, entries: impl IntoIterator<Item = (&'static str, Value)>) -> Reply {
        let attachments =
            vec![Attachment { name: "src".into(), length: content.len() as u64, content: content.into() }];
        call(&Real::default(), &Call { module: "script".into(), args: args(entries), attachments, ..Call::default() })
    }

    #[test]
    fn a_script_runs_with_its_arguments_and_is_gone_afterwards() {
        let content = "#!/bin/sh\necho \"$1|$2\"; basename \"$0\"; pwd; echo $0 >&2; exit 4\n";
        let reply = script(content, [("_raw_params", "'some where/do it.sh' 'a b' c".into()), ("chdir", "/".into())]);
        assert_eq!(reply.data.get("stdout"), Some(&"a b|c\ndo it.sh\n/\n".into()));
        assert!(reply.failed && reply.changed);
        assert_eq!(reply.data.get("rc"), Some(&4.into()));
        let place = reply.data.get("stderr").and_then(Value::as_str).unwrap().trim().to_owned();
        assert!(!Path::new(&place).exists());
    }

    #[test]
    fn executable_and_conditions_are_honoured() {
        let reply = script("print(1+1)", [("cmd", "x.py".into()), ("executable", "cat".into())]);
        assert_eq!(reply.data.get("stdout_lines"), Some(&vec!["print(1+1)"].into()));
        let reply = script("exit 1", [("cmd", "x".into()), ("creates", "/".into())]);
        assert_eq!(reply.data.get("msg"), Some(&"/ exists, matching creates option".into()));
        assert!(!reply.changed && !reply.failed);
    }
}
