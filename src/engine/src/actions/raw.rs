//! Runs a command line through the host's shell, without an agent and without a module.

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
        let spec = cx.task.spec(cx.settings, cx.connection_scope, cx.delegated)?;
        let live = cx.live();
        let output = cx.run().pool().raw(&spec, &environment(cx, &command), live.as_ref()).await?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let mut done = Done::changed(true).with("rc", i64::from(output.rc));
        for (name, text) in [("stdout", &stdout), ("stderr", &stderr)] {
            done = done
                .with(name, text.as_str())
                .with(&format!("{name}_lines"), text.lines().map(Value::from).collect::<List>());
        }
        if output.rc != 0 {
            done = done.with("failed", true).with("msg", "non-zero return code");
        }
        Ok(done)
    }
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
