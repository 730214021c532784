//! Checks variables against the specification of a role's arguments.

use async_trait::async_trait;
use rplay_modules::{Kind, Surroundings, convert};
use rplay_template::Rendered;
use rplay_value::{List, Map, Text, Value};

use crate::action::{Action, ActionCx, Done, Traits};
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
        let mut check = Check::default();
        check.options(&spec, &values, &[]);
        let errors = check.finish();
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

/// What does not fit, in the order in which ansible-core 2.19 reports it.
#[derive(Default)]
struct Check {
    errors: Vec<String>,
    /// Names of options inside others that no specification has, with the names that are there.
    unknown: Vec<(String, String)>,
}

impl Check {
    /// Checks one mapping; `path` names the options around it.
    fn options(&mut self, spec: &Map, given: &Map, path: &[&str]) {
        let mut values = given.clone();
        for (name, option) in spec.texts() {
            let aliases = option.get("aliases").and_then(Value::as_list);
            for alias in aliases.into_iter().flatten().filter_map(Value::as_str) {
                if let Some(value) = values.remove(alias) {
                    values.insert(name.as_str(), value);
                }
            }
        }
        let within = path.join(" -> ");
        let found = if path.is_empty() { String::new() } else { format!(" found in {within}") };
        if !path.is_empty() {
            let mut known: Vec<&str> = spec.texts().map(|(name, _)| name.as_str()).collect();
            known.sort_unstable();
            for (name, _) in values.texts().filter(|(name, _)| !spec.contains(name)) {
                self.unknown.push((format!("{}.{name}", path.join(".")), known.join(", ")));
            }
        }
        let required = |option: &Value| option.get("required").is_some_and(Value::is_true);
        let mut missing: Vec<&str> = spec
            .texts()
            .filter(|(name, option)| required(option) && !values.contains(name))
            .map(|(name, _)| name.as_str())
            .collect();
        missing.sort_unstable();
        if !missing.is_empty() {
            self.errors.push(format!("missing required arguments: {}{found}", missing.join(", ")));
        }
        for (name, option) in spec.texts() {
            let Some(value) = values.get(name) else { continue };
            if value.is_null() && !required(option) && option.get("default").is_none_or(Value::is_null) {
                continue;
            }
            if let Some(value) = self.typed(name, option, value, &within) {
                values.insert(name.as_str(), value);
            }
        }
        for (name, option) in spec.texts() {
            if let Some(value) = values.get(name) {
                choices(name, option, value, &found, &mut self.errors);
            }
        }
        for (name, option) in spec.texts() {
            let Some(Value::Map(inner)) = option.get("options") else { continue };
            let Some(value) = values.get(name).filter(|value| !value.is_null()) else { continue };
            let path = [path, &[name.as_str()]].concat();
            for value in value.as_list().map_or_else(|| vec![value], |list| list.iter().collect()) {
                match value {
                    Value::Map(map) => self.options(inner, map, &path),
                    _ => self.errors.push(format!("value of '{name}' must be of type dict or list of dicts")),
                }
            }
        }
    }

    /// The value in its type; what cannot be converted is noted.
    fn typed(&mut self, name: &str, option: &Value, value: &Value, within: &str) -> Option<Value> {
        let kind = option.get("type").and_then(Value::as_str).unwrap_or("str");
        let found = |end: &str| if within.is_empty() { String::new() } else { format!(" found in '{within}'{end}") };
        let converted = match converted(kind, value) {
            Ok(converted) => converted,
            Err(why) => {
                self.errors.push(format!(
                    "argument '{name}' is of type {}{} and we were unable to convert to {kind}: {why}",
                    value.type_name(),
                    found(".")
                ));
                return None;
            }
        };
        let Some(elements) = option.get("elements").and_then(Value::as_str) else { return Some(converted) };
        for element in converted.as_list().into_iter().flatten() {
            if let Err(why) = self::converted(elements, element) {
                self.errors.push(format!(
                    "Elements value for option '{name}'{} is of type {} and we were unable to convert to {elements}: {why}",
                    found(""),
                    element.type_name()
                ));
            }
        }
        Some(converted)
    }

    /// Everything that was noted.
    fn finish(mut self) -> Vec<String> {
        if let Some((_, known)) = self.unknown.last() {
            let mut names: Vec<&str> = self.unknown.iter().map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            self.errors.push(format!("{}. Supported parameters include: {known}.", names.join(", ")));
        }
        self.errors
    }
}

fn choices(name: &str, option: &Value, value: &Value, found: &str, errors: &mut Vec<String>) {
    let Some(Value::List(choices)) = option.get("choices") else { return };
    let all: Vec<&Value> = value.as_list().map_or_else(|| vec![value], |list| list.iter().collect());
    for value in all {
        if !choices.iter().any(|choice| choice == value || choice.to_str() == value.to_str()) {
            let known: Vec<String> = choices.iter().map(|choice| choice.to_str().into_owned()).collect();
            let got = if value.is_null() { "None".into() } else { value.to_str() };
            errors.push(format!("value of {name} must be one of: {}, got: {got}{found}", known.join(", ")));
        }
    }
}

/// A value as the type of this name, or why it is none.
fn converted(kind: &str, value: &Value) -> Result<Value, String> {
    let kind = match kind {
        "list" => Kind::List,
        "dict" => Kind::Map,
        "bool" => Kind::Bool,
        "int" => Kind::Int,
        "float" => Kind::Float,
        "path" => Kind::Path,
        "json" | "jsonarg" => Kind::Json,
        "bytes" => Kind::Bytes,
        "bits" => Kind::Bits,
        // Any value has a `str`.
        _ => return Ok(value.clone()),
    };
    convert(kind, value, &Surroundings::of_process())
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
        let mut check = Check::default();
        check.options(&spec, &map(r#"{"n":"q","s":"z","d":{}}"#), &[]);
        assert_eq!(
            check.finish(),
            [
                "missing required arguments: a",
                "argument 'n' is of type str and we were unable to convert to int: \"'q'\" cannot be converted to an int",
                "value of s must be one of: x, y, got: z",
                "missing required arguments: k found in d",
            ]
        );
    }
}
