//! Runs a command line through the host's shell, without an agent and without a module.
//!
//! Options:
//! - free form: the command line. `executable`: the shell that runs it.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.raw: apt-get install -y python3
//! ```

use async_trait::async_trait;
use rplay_value::{List, Value};

use crate::action::{Action, ActionCx, Done, Traits};
use crate::trouble::Trouble;

/// `ansible.builtin.raw`
pub(crate) static ACTION: Raw = Raw;

/// Runs a command line.
pub(crate) struct Raw;

#[async_trait(?Send)]
impl Action for Raw {
    fn traits(&self) -> Traits {
        Traits::new("raw").free_form()
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        if cx.settings.check {
            return Ok(Done::changed(false).with("skipped", true));
        }
        let Some(command) = cx.text("_raw_params") else { return Err(Trouble::action("no command given")) };
        let command = match cx.text("executable") {
            Some(shell) => format!("{shell} -c {}", quote(&command)),
            None => command,
        };
        if let Some(plugin) = cx.connection_plugin()? {
            let output = crate::python_connection::exec(cx, &plugin, &environment(cx, &command), None, false).await?;
            cx.keep_worker();
            return Ok(done(output.rc, &output.stdout, &output.stderr));
        }
        let spec = cx.task.spec(cx.settings, cx.connection_scope, cx.delegated)?;
        let live = cx.live();
        let output = cx.run().pool().raw(&spec, &environment(cx, &command), live.as_ref()).await?;
        Ok(done(i64::from(output.rc), &output.stdout, &output.stderr))
    }
}

/// The result of a command line.
fn done(rc: i64, stdout: &[u8], stderr: &[u8]) -> Done {
    let mut done = Done::changed(true).with("rc", rc);
    for (name, bytes) in [("stdout", stdout), ("stderr", stderr)] {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let lines = text.lines().map(Value::from).collect::<List>();
        done = done.with(name, text).with(&format!("{name}_lines"), lines);
    }
    if rc != 0 {
        done = done.with("failed", true).with("msg", "non-zero return code");
    }
    done
}

/// The command with the task's environment before it.
fn environment(cx: &ActionCx<'_>, command: &str) -> String {
    let mut text = String::new();
    for (name, value) in &cx.settings.environment {
        text.push_str(&format!("{name}={} ", quote(value)));
    }
    text + command
}

/// One word for a POSIX shell.
pub(super) fn quote(text: &str) -> String {
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "@%_-+=:,./".contains(c)) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\"'\"'"))
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quote("a/b"), "a/b");
        assert_eq!(quote("it's"), "'it'\"'\"'s'");
        assert_eq!(quote(""), "''");
    }
}
