//! Shows a message, or the value of an expression.
//!
//! Options:
//! - `msg` (default `Hello world!`): the message; a list or mapping is shown as such.
//! - `var`: an expression to show with its value, instead of a message.
//! - `verbosity` (default 0): shown only with that many `-v`.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.debug:
//!     var: ansible_facts.distribution
//! ```

use async_trait::async_trait;
use rplay_event::{Notice, Place};
use rplay_value::{Text, Value};

use crate::action::{Action, ActionCx, Done, Traits};
use crate::trouble::Trouble;
use crate::vars::GATHERED;

/// `ansible.builtin.debug`
pub(crate) static ACTION: Debug = Debug;

/// Shows a message or a value.
pub(crate) struct Debug;

#[async_trait(?Send)]
impl Action for Debug {
    fn traits(&self) -> Traits {
        Traits::new("debug").arguments(&["msg", "var", "verbosity"]).unrendered(&["var"])
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        if cx.args.contains("msg") && cx.args.contains("var") {
            return Err(Trouble::action("parameters are mutually exclusive: msg|var"));
        }
        if cx.int("verbosity")?.unwrap_or(0) > i64::from(cx.run().options().verbosity) {
            let done = Done::default().with("skipped", true).with("skipped_reason", "Verbosity threshold not met.");
            return Ok(done.with("failed", false));
        }
        let mut done = match cx.args.get("var").cloned() {
            Some(Value::Text(text)) => {
                let value = value(cx, &text)?;
                Done::default().with(&text, value)
            }
            Some(other) if !other.is_null() => {
                let kind = other.type_name();
                return Err(Trouble::action(format!(
                    "argument 'var' is of type {kind} and we were unable to convert to str: '{}' is not a string and conversion is not allowed",
                    other.repr()
                )));
            }
            _ => {
                Done::default().with("msg", cx.args.get("msg").cloned().unwrap_or_else(|| Value::from("Hello world!")))
            }
        };
        done.verbose_always = true;
        Ok(done.with("failed", false))
    }
}

/// The expression's value. What is not defined is said, not an error.
fn value(cx: &mut ActionCx<'_>, text: &Text) -> Result<Value, Trouble> {
    if !text.is_trusted() {
        let trouble = Trouble::message("Encountered untrusted template or expression.").at(text.origin());
        return Err(trouble.within("Error while resolving `var` expression.", text.origin()));
    }
    let result = if text.is_template() {
        cx.run()
            .engine()
            .render(&Value::Text(text.clone()), cx.scope)
            .map(|rendered| rendered.value().unwrap_or_default())
    } else {
        cx.run().engine().evaluate(text, cx.scope)
    };
    match result {
        // As ansible-core, which shows no keys of its own.
        Ok(Value::Map(mut facts)) if facts.contains(GATHERED) => {
            facts.remove(GATHERED);
            Ok(Value::Map(facts))
        }
        Ok(value) => Ok(value),
        Err(error) if error.is_undefined() => {
            let message = format!("error 1 - {}", error.message());
            let place = text.origin().and_then(|span| Place::of(&cx.run().options().sources, span));
            let notice = Notice::new(format!("Encountered 1 template error.\n{message}"));
            cx.warnings.push(Notice { place, ..notice });
            Ok(Value::from(format!("<< {message} >>")))
        }
        Err(error) => Err(Trouble::from(error).within("Error while resolving `var` expression.", text.origin())),
    }
}
