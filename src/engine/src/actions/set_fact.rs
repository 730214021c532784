//! Sets variables of the host for the rest of the run.
//!
//! Options:
//! - `cacheable` (default false): also in the fact cache. Everything else is a variable.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.set_fact:
//!     release: wallaby
//! ```

use async_trait::async_trait;
use rplay_template::Rendered;
use rplay_value::{Map, Value};

use crate::action::{Action, ActionCx, Done, Traits};
use crate::ran::Effect;
use crate::trouble::Trouble;

/// `ansible.builtin.set_fact`
pub(crate) static ACTION: SetFact = SetFact;

/// Sets variables.
pub(crate) struct SetFact;

#[async_trait(?Send)]
impl Action for SetFact {
    fn traits(&self) -> Traits {
        Traits::new("set_fact").keeps_vault()
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let cacheable = cx.flag("cacheable", false)?;
        cx.args.remove("cacheable");
        let mut facts = Map::new();
        let words = cx.run().options().compat.profile().fact_booleans;
        for (name, value) in &cx.args {
            let name = match cx.run().render(name, cx.scope)? {
                Rendered::Value(name) => name,
                Rendered::Omit => continue,
            };
            check_name(&name)?;
            facts.insert(name, if words { word(value) } else { value.clone() });
        }
        if facts.is_empty() {
            return Err(Trouble::action(
                "No key/value pairs provided, at least one is required for this action to succeed",
            ));
        }
        let done = Done::default().with("ansible_facts", facts.clone());
        Ok(done.effect(Effect::Facts { facts, set: true, cacheable, gathered: false }))
    }
}

/// A word for a boolean as the boolean.
fn word(value: &Value) -> Value {
    match value.as_str().map(str::to_ascii_lowercase).as_deref() {
        Some("yes" | "true") => Value::Bool(true),
        Some("no" | "false") => Value::Bool(false),
        _ => value.clone(),
    }
}

/// Words that Python keeps for itself.
const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield", "true", "false", "none",
];

/// Whether a value can be a variable's name.
pub(super) fn check_name(name: &Value) -> Result<(), Trouble> {
    let text = name.as_str().unwrap_or_default();
    let mut characters = text.chars();
    let good = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !KEYWORDS.contains(&text);
    if good {
        return Ok(());
    }
    let help = "Variable names must be strings starting with a letter or underscore character, and contain only letters, numbers and underscores.";
    let message = match name {
        Value::Text(_) => format!("Invalid variable name {}.", name.repr()),
        Value::List(_) | Value::Map(_) => format!("Invalid variable name of type '{}'.", name.type_name()),
        other => format!("Invalid variable name '{}' of type '{}'.", other.to_str(), other.type_name()),
    };
    Err(Trouble::message(message).at(name.origin()).help(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_names() {
        assert!(check_name(&Value::from("a_1")).is_ok());
        for bad in ["1a", "a-b", "", "for", "é"] {
            assert!(check_name(&Value::from(bad)).is_err(), "{bad}");
        }
        assert_eq!(check_name(&Value::from(1)).unwrap_err().text(), "Invalid variable name '1' of type 'int'.");
    }
}
