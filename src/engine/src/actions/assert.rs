//! Checks that conditions hold.
//!
//! Options:
//! - `that` (required): one condition or a list of them.
//! - `fail_msg` (also `msg`): what to say when one does not hold.
//! - `success_msg`: what to say when all hold.
//! - `quiet` (bool): without the conditions in the result.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.assert:
//!     that:
//!       - ansible_facts.memtotal_mb > 2000
//! ```

use async_trait::async_trait;
use rplay_playbook::Condition;
use rplay_template::Rendered;
use rplay_value::Value;

use crate::action::{Action, ActionCx, Done, Traits};
use crate::trouble::Trouble;

/// `ansible.builtin.assert`
pub(crate) static ACTION: Assert = Assert;

/// Checks that conditions hold.
pub(crate) struct Assert;

#[async_trait(?Send)]
impl Action for Assert {
    fn traits(&self) -> Traits {
        Traits::new("assert").arguments(&["that", "msg", "fail_msg", "success_msg", "quiet"]).unrendered(&["that"])
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let Some(that) = cx.args.get("that").cloned() else {
            return Err(Trouble::action("missing required arguments: that"));
        };
        let fail = message(cx, &["fail_msg", "msg"], "Assertion failed")?;
        let success = message(cx, &["success_msg"], "All assertions passed")?;
        let quiet = cx.flag("quiet", false)?;
        let mut done = Done::changed(false);
        done.verbose_always = !quiet;
        for that in conditions(cx, that) {
            let condition = Condition { span: that.origin(), value: that };
            if !cx.run().condition(&condition, cx.scope)? {
                let done = done.with("failed", true).with("evaluated_to", false).with("assertion", condition.value);
                return Ok(done.with("msg", fail));
            }
        }
        Ok(done.with("msg", success))
    }
}

/// A list, one condition, or a template of a list.
fn conditions(cx: &ActionCx<'_>, that: Value) -> Vec<Value> {
    match that {
        Value::List(list) => list.into_vec(),
        Value::Text(text) if text.is_template() => match cx.run().render(&Value::Text(text.clone()), cx.scope) {
            Ok(Rendered::Value(Value::List(list))) => list.into_vec(),
            _ => vec![Value::Text(text)],
        },
        other => vec![other],
    }
}

fn message(cx: &ActionCx<'_>, names: &[&str], default: &str) -> Result<Value, Trouble> {
    match names.iter().find_map(|name| cx.args.get(name)) {
        None | Some(Value::Null) => Ok(Value::from(default)),
        Some(Value::Text(text)) => Ok(Value::Text(text.clone())),
        Some(Value::List(list)) if list.iter().all(|item| item.as_text().is_some()) => Ok(Value::List(list.clone())),
        Some(other) => {
            let name = names.first().copied().unwrap_or_default();
            let kind = other.type_name();
            Err(Trouble::action(format!(
                "argument '{name}' is of type {kind} and we were unable to convert to str_or_list_of_str: a string or list of strings is required"
            )))
        }
    }
}
