//! Runs a command line on the target through a shell.
//!
//! Options:
//! - free form or `cmd` (text): the command line.
//! - `executable` (path, default `/bin/sh`): the shell.
//! - `chdir` (path): folder to run in.
//! - `creates`, `removes` (path or glob): skip when it exists, or does not exist.
//! - `stdin` (text), `stdin_add_newline` (bool, default true): standard input.
//! - `strip_empty_ends` (bool, default true): cut empty lines off the end of the outputs.
//! - `argv` (list): the command line as words. `expand_argument_vars` (bool, default true): as in `command`.
//!
//! Returns: `cmd`, `rc`, `stdout`, `stderr`, `stdout_lines`, `stderr_lines`, `start`, `end`, `delta`, `msg`.
//! Check mode: with `creates` or `removes` predicted, otherwise skipped.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.shell: cat *.log | sort > all.txt
//!   args:
//!     chdir: /var/log/thing
//!     executable: /bin/bash
//! ```

use rplay_protocol::Reply;
use rplay_value::List;

use super::command::{SPEC, run_program};
use crate::convert::python_str;
use crate::{Args, Context, Module, ModuleError, Program, Support, words};

/// `ansible.builtin.shell`
pub static MODULE: Module = Module {
    name: "shell",
    collection: "ansible.builtin",
    spec: &SPEC,
    check: Support::Partial,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    if !args.flag("expand_argument_vars") {
        // The shell expands them itself.
        return Err(ModuleError::msg("Unsupported parameters for (shell) module: expand_argument_vars"));
    }
    let line = match args.text("_raw_params").or(args.text("cmd")).filter(|line| !line.is_empty()) {
        Some(line) => line.to_owned(),
        None => {
            args.list("argv").into_iter().flatten().map(|w| words::quote(&python_str(w))).collect::<Vec<_>>().join(" ")
        }
    };
    if line.is_empty() {
        return Err(ModuleError::reply(Reply::failure("no command given").with("rc", 256)));
    }
    let shell = args.text("executable").filter(|shell| !shell.is_empty()).unwrap_or("/bin/sh");
    let program = Program::new([shell, "-c", &line]);
    let shown = match args.list("argv") {
        Some(words) => words.iter().map(python_str).collect::<List>().into(),
        None => line.into(),
    };
    run_program(cx, args, shown, program)
}

#[cfg(test)]
mod tests {
    use rplay_protocol::Call;
    use rplay_value::Value;

    use super::*;
    use crate::testing::args;
    use crate::{Real, run as call};

    fn shell(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Reply {
        call(&Real::default(), &Call { module: "ansible.builtin.shell".into(), args: args(entries), ..Call::default() })
    }

    #[test]
    fn a_line_goes_through_the_shell_asked_for() {
        let reply = shell([("_raw_params", "echo $0 | tr a-z A-Z; exit 2".into()), ("executable", "/bin/bash".into())]);
        assert!(reply.failed);
        assert_eq!(reply.data.get("stdout"), Some(&"/BIN/BASH".into()));
        assert_eq!(reply.data.get("cmd"), Some(&"echo $0 | tr a-z A-Z; exit 2".into()));
        assert_eq!(reply.data.get("rc"), Some(&2.into()));
    }

    #[test]
    fn outputs_lose_only_empty_lines_at_the_end() {
        let reply = shell([("_raw_params", "printf '\\n a \\n\\n'".into())]);
        assert_eq!(reply.data.get("stdout"), Some(&"\n a ".into()));
        let reply = shell([("_raw_params", "printf 'a\\n\\n'".into()), ("strip_empty_ends", false.into())]);
        assert_eq!(reply.data.get("stdout"), Some(&"a\n\n".into()));
        assert_eq!(reply.data.get("stdout_lines"), Some(&vec!["a", ""].into()));
    }
}
