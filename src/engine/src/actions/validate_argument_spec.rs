//! Checks variables against the specification of a role's arguments.

use async_trait::async_trait;
use rplay_template::Rendered;
use rplay_value::{List, Map, Text, Value};

use crate::action::{Action, ActionCx, Done, Traits};
use crate::fields::{Keyword, truth_word};
use crate::trouble::Trouble;

/// `ansible.builtin.validate_argument_spec`
pub(crate) static ACTION: ValidateArgumentSpec = ValidateArgumentSpec;

/// Checks arguments.
pub(crate) struct ValidateArgumentSpec;

#[async_trait(?Send)]
impl Action for ValidateArgumentSpec {
    fn traits(&self) -> Traits {
        Traits::new("validate_argument_spec").arguments(&[
            "argument_spec",
            "provided_arguments",
            "validate_args_context",
        ])
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let Some(Value::Map(spec)) = cx.args.get("argument_spec").cloned() else {
            return Err(Trouble::action(
                "\"argument_spec\" arg is required in args: the specification must be a mapping",
            ));
        };
        let given = cx.args.get("provided_arguments").and_then(Value::as_map).cloned().unwrap_or_default();
        let mut values = Map::new();
        for (name, _) in spec.texts() {
            if let Some(value) = given.get(name) {
                values.insert(name.as_str(), value.clone());
            } else if cx.scope.has(name)
                && let Rendered::Value(value) =
                    cx.run().render(&Value::Text(Text::trusted(format!("{{{{ {name} }}}}"))), cx.scope)?
            {
                values.insert(name.as_str(), value);
            }
        }
        let mut errors = Vec::new();
        check(&spec, &values, "", &mut errors);
        let context = cx.args.get("validate_args_context").cloned().unwrap_or_else(|| Value::Map(Map::new()));
        if errors.is_empty() {
            let done = Done::changed(false).with("msg", "The arg spec validation passed");
            return Ok(done.with("validate_args_context", context));
        }
        let msg = format!("Validation of arguments failed:\n{}", errors.join("\n"));
        let done = Done::failed(msg).with("argument_errors", errors.iter().collect::<List>());
        Ok(done.with("argument_spec_data", spec).with("validate_args_context", context))
    }
}

fn check(spec: &Map, values: &Map, within: &str, errors: &mut Vec<String>) {
    let found = if within.is_empty() { String::new() } else { format!(" found in {within}") };
    let missing: Vec<&str> = spec
        .texts()
        .filter(|(name, option)| {
            option.get("required").is_some_and(Value::is_true) && values.get(name).is_none_or(Value::is_null)
        })
        .map(|(name, _)| name.as_str())
        .collect();
    if !missing.is_empty() {
        errors.push(format!("missing required arguments: {}{found}", missing.join(", ")));
    }
    for (name, option) in spec.texts() {
        let Some(value) = values.get(name).filter(|value| !value.is_null()) else { continue };
        let kind = option.get("type").and_then(Value::as_str).unwrap_or("str");
        if !fits(kind, value) {
            errors.push(format!(
                "argument '{name}' is of type {} and we were unable to convert to {kind}: {} cannot be converted to {}{found}",
                value.type_name(),
                value.type_name(),
                if kind == "dict" { "a dict" } else { kind }
            ));
            continue;
        }
        choices(name, option, value, &found, errors);
        if let Some(Value::Map(inner)) = option.get("options") {
            let path = if within.is_empty() { name.to_string() } else { format!("{within} -> {name}") };
            let all: Vec<&Value> = value.as_list().map_or_else(|| vec![value], |list| list.iter().collect());
            for value in all {
                if let Value::Map(map) = value {
                    check(inner, map, &path, errors);
                }
            }
        }
    }
}

fn choices(name: &str, option: &Value, value: &Value, found: &str, errors: &mut Vec<String>) {
    let Some(Value::List(choices)) = option.get("choices") else { return };
    let all: Vec<&Value> = value.as_list().map_or_else(|| vec![value], |list| list.iter().collect());
    for value in all {
        if !choices.iter().any(|choice| choice == value || choice.to_str() == value.to_str()) {
            let known: Vec<String> = choices.iter().map(|choice| choice.to_str().into_owned()).collect();
            errors.push(format!(
                "value of {name} must be one of: {}, got: {}{found}",
                known.join(", "),
                value.to_str()
            ));
        }
    }
}

/// Whether a value can be converted to a type.
fn fits(kind: &str, value: &Value) -> bool {
    match kind {
        "list" => !matches!(value, Value::Map(_)),
        "dict" => {
            matches!(value, Value::Map(_))
                || value.as_str().is_some_and(|text| text.contains('=') || text.trim_start().starts_with('{'))
        }
        "bool" => {
            value.as_bool().is_some()
                || value.as_int().is_some_and(|i| i == 0 || i == 1)
                || value.as_str().is_some_and(|t| truth_word(t).is_some())
        }
        "int" => i64::convert(value).is_some() && !matches!(value, Value::Float(f) if f.fract() != 0.0),
        "float" => f64::convert(value).is_some(),
        "path" => matches!(value, Value::Text(_)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> Map {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_does_not_fit_is_said_with_its_name() {
        let spec = map(
            r#"{"a":{"required":true},"n":{"type":"int"},"s":{"choices":["x","y"]},"d":{"type":"dict","options":{"k":{"required":true}}}}"#,
        );
        let mut errors = Vec::new();
        check(&spec, &map(r#"{"n":"q","s":"z","d":{}}"#), "", &mut errors);
        assert_eq!(
            errors,
            [
                "missing required arguments: a",
                "argument 'n' is of type str and we were unable to convert to int: str cannot be converted to int",
                "value of s must be one of: x, y, got: z",
                "missing required arguments: k found in d",
            ]
        );
    }
}
