//! Runs a script of the controller on the host.

use async_trait::async_trait;
use rplay_value::Value;

use crate::action::{Action, ActionCx, Done, Traits};
use crate::trouble::Trouble;

/// `ansible.builtin.script`
pub(crate) static ACTION: Script = Script;

/// Sends and runs a script.
pub(crate) struct Script;

#[async_trait(?Send)]
impl Action for Script {
    fn traits(&self) -> Traits {
        Traits::new("script").free_form().arguments(&[
            "_raw_params",
            "cmd",
            "creates",
            "removes",
            "chdir",
            "executable",
            "decrypt",
        ])
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let Some(command) = cx.text("_raw_params").or_else(|| cx.text("cmd")) else {
            return Err(Trouble::action("one of the following is required: _raw_params, cmd"));
        };
        let name = first_word(command.trim());
        let path = cx.find_file("files", &name)?;
        let content = cx.read_file(&path, cx.flag("decrypt", true)?)?;
        let mut args = std::mem::take(&mut cx.args);
        args.remove("decrypt");
        let reply = cx.module_with("ansible.builtin.script", args, "src", content).await?;
        let mut done = cx.reply(reply);
        if done.result.get("skipped").is_some_and(Value::is_true) {
            return Ok(Done::skip(done.result.get("msg").cloned().unwrap_or_default()));
        }
        // A script that could not start has no code, and has changed nothing.
        if !cx.settings.check && done.result.contains("rc") {
            done.result.insert("changed", Value::Bool(true));
        }
        Ok(done)
    }
}

/// The first word of a command line, quotes taken off.
fn first_word(command: &str) -> String {
    let mut word = String::new();
    let mut quoted: Option<char> = None;
    let mut rest = command.chars();
    while let Some(c) = rest.next() {
        match (quoted, c) {
            (None, '\'' | '"') => quoted = Some(c),
            (Some(end), c) if c == end => quoted = None,
            (None | Some('"'), '\\') => word.extend(rest.next()),
            (None, c) if c.is_whitespace() => break,
            (_, c) => word.push(c),
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::first_word;

    #[test]
    fn the_script_is_the_first_word() {
        assert_eq!(first_word("a.sh --x"), "a.sh");
        assert_eq!(first_word("'my script.sh' 1"), "my script.sh");
        assert_eq!(first_word(r"my\ script.sh 1"), "my script.sh");
    }
}
