//! Checks variables against the specification of a role's arguments.
//!
//! Options:
//! - `argument_spec` (mapping, required): the specification.
//! - `provided_arguments` (mapping): values to check besides the variables of these names.
//! - `validate_args_context` (mapping): what the specification is of, for messages.

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
        let Some(spec) = cx.args.get("argument_spec").cloned() else {
            let args = Value::Map(cx.args.clone()).repr();
            return Err(Trouble::message(format!("\"argument_spec\" arg is required in args: {args}")));
        };
        let given = cx.args.get("provided_arguments").cloned().unwrap_or_else(|| Map::new().into());
        let mapping = |name: &str, value: Value| match value {
            Value::Map(map) => Ok(map),
            other => Err(Trouble::message(format!(
                "Incorrect type for {name}, expected dict and got <class '{}'>",
                other.type_name()
            ))),
        };
        let spec = mapping("argument_spec", spec)?;
        let given = mapping("provided_arguments", given)?;
        let mut values = Map::new();
        for (name, _) in spec.texts() {
            if !given.contains(name)
                && cx.scope.has(name)
                && let Rendered::Value(value) =
                    cx.run().render(&Value::Text(Text::trusted(format!("{{{{ {name} }}}}"))), cx.scope)?
            {
                values.insert(name.as_str(), value);
            }
        }
        values.extend(given);
        let mut check = Check::default();
        check.options(&spec, &values, &Value::Null, &Within::default());
        for warning in std::mem::take(&mut check.warnings) {
            cx.warn(warning);
        }
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
    warnings: Vec<String>,
    /// Names that no specification has, with the names that are there.
    unknown: Vec<(String, String)>,
}

/// What stands around options: their names, and how messages say so.
#[derive(Clone, Default)]
struct Within {
    path: Vec<String>,
    /// `outer[0].`
    prefix: String,
}

impl Within {
    fn found(&self) -> String {
        if self.path.is_empty() { String::new() } else { format!(" found in {}", self.path.join(" -> ")) }
    }

    fn quoted(&self, end: &str) -> String {
        if self.path.is_empty() { String::new() } else { format!(" found in '{}'{end}", self.path.join(" -> ")) }
    }
}

impl Check {
    /// Checks one mapping of options. `rules` is what the option around them says of them together: `required_if`, ..
    fn options(&mut self, spec: &Map, given: &Map, rules: &Value, within: &Within) {
        let mut values = given.clone();
        let aliases = self.aliases(spec, &mut values, within);
        self.texts_as_mappings(spec, &values);
        let known: Vec<&str> = spec.texts().map(|(name, _)| name.as_str()).collect();
        for (name, _) in values.texts() {
            if known.contains(&name.as_str()) || aliases.contains(&name.as_str()) {
                continue;
            }
            let sorted = |names: &[&str]| {
                let mut names = names.to_vec();
                names.sort_unstable();
                names.join(", ")
            };
            let mut list = sorted(&known);
            if !aliases.is_empty() {
                list = format!("{list} ({})", sorted(&aliases));
            }
            let full = within.path.iter().map(String::as_str).chain([name.as_str()]).collect::<Vec<_>>().join(".");
            self.unknown.push((full, list));
        }
        self.note(mutually_exclusive(rules, &values), within);
        for (name, option) in spec.texts() {
            if let Some(default) = option.get("default").filter(|default| !default.is_null())
                && !values.contains(name)
            {
                values.insert(name.as_str(), default.clone());
            }
        }
        let mut missing: Vec<&str> = spec
            .texts()
            .filter(|(name, option)| required(option) && !values.contains(name))
            .map(|(name, _)| name.as_str())
            .collect();
        missing.sort_unstable();
        let missing = (!missing.is_empty()).then(|| format!("missing required arguments: {}", missing.join(", ")));
        self.note(missing, within);
        for (name, option) in spec.texts() {
            let Some(value) = values.get(name) else { continue };
            if value.is_null() && !required(option) && option.get("default").is_none_or(Value::is_null) {
                continue;
            }
            if let Some(value) = self.typed(name, option, value, within) {
                values.insert(name.as_str(), value);
            }
        }
        for (name, option) in spec.texts() {
            if let Some(value) = values.get(name) {
                let complaint = choices(name, option, value);
                self.note(complaint, within);
            }
        }
        for check in [required_together, required_one_of, required_if, required_by] {
            self.note(check(rules, &values), within);
        }
        for (name, option) in spec.texts() {
            self.inner(name, option, values.get(name), within);
        }
    }

    /// Texts where mappings are wanted are read before anything else; the first that is none is said twice, as in Ansible.
    fn texts_as_mappings(&mut self, spec: &Map, values: &Map) {
        for (name, _) in spec.texts().filter(|(_, option)| option.get("options").is_some_and(|o| !o.is_null())) {
            let Some(value) = values.get(name) else { continue };
            let texts: Vec<&Value> = value.as_list().map_or_else(|| vec![value], |list| list.iter().collect());
            let first =
                texts.into_iter().filter(|value| value.as_str().is_some()).find_map(|v| converted("dict", v).err());
            if let Some(why) = first {
                self.errors.push(why);
                return;
            }
        }
    }

    /// The options inside of one.
    fn inner(&mut self, name: &Text, option: &Value, value: Option<&Value>, within: &Within) {
        let kind = option.get("type").and_then(Value::as_str);
        let many = kind == Some("list") && option.get("elements").and_then(Value::as_str) == Some("dict");
        let Some(Value::Map(spec)) = option.get("options").filter(|_| kind == Some("dict") || many) else { return };
        let empty = Value::Map(Map::new());
        let value = match value.filter(|value| !value.is_null()) {
            Some(value) => value,
            None if option.get("apply_defaults").is_some_and(Value::is_true) => &empty,
            None => return,
        };
        let elements: Vec<&Value> = value.as_list().map_or_else(|| vec![value], |list| list.iter().collect());
        for (index, element) in elements.into_iter().enumerate() {
            let Value::Map(map) = element else {
                self.errors.push(format!("value of '{name}' must be of type dict or list of dicts"));
                continue;
            };
            let index = if many { format!("[{index}]") } else { String::new() };
            let path = within.path.iter().cloned().chain([name.to_string()]).collect();
            let inner = Within { path, prefix: format!("{}{name}{index}.", within.prefix) };
            self.options(spec, map, option, &inner);
        }
    }

    fn note(&mut self, complaint: Option<String>, within: &Within) {
        self.errors.extend(complaint.map(|text| text + &within.found()));
    }

    /// Values under other names count as the option's; the other names are kept.
    fn aliases<'s>(&mut self, spec: &'s Map, values: &mut Map, within: &Within) -> Vec<&'s str> {
        let mut all = Vec::new();
        for (name, option) in spec.texts() {
            if option.get("default").is_some_and(|default| !default.is_null()) && required(option) {
                self.errors.push(format!("internal error: required and default are mutually exclusive for {name}"));
                return all;
            }
            let aliases = match option.get("aliases") {
                None | Some(Value::Null) => continue,
                Some(Value::List(list)) => list,
                Some(_) => {
                    self.errors.push("internal error: aliases must be a list or tuple".to_owned());
                    return all;
                }
            };
            for alias in aliases.iter().filter_map(Value::as_str) {
                all.push(alias);
                if let Some(value) = values.get(alias).cloned() {
                    if values.contains(name) && !within.path.is_empty() {
                        let prefix = &within.prefix;
                        self.warnings
                            .push(format!("Both option {prefix}{name} and its alias {prefix}{alias} are set."));
                    }
                    values.insert(name.as_str(), value);
                }
            }
        }
        all
    }

    /// The value in its type; what cannot be converted is noted.
    fn typed(&mut self, name: &str, option: &Value, value: &Value, within: &Within) -> Option<Value> {
        let kind = option.get("type").and_then(Value::as_str).unwrap_or("str");
        let converted = match converted(kind, value) {
            Ok(converted) => converted,
            Err(why) => {
                self.errors.push(format!(
                    "argument '{name}' is of type {}{} and we were unable to convert to {kind}: {why}",
                    value.type_name(),
                    within.quoted(".")
                ));
                return None;
            }
        };
        let Some(elements) = option.get("elements").and_then(Value::as_str) else { return Some(converted) };
        let Some(list) = converted.as_list() else {
            self.errors.push(format!(
                "Invalid type {kind} for option '{}'{}, elements value check is supported only with 'list' type",
                converted.to_str(),
                within.quoted(".")
            ));
            // Ansible goes on with the characters.
            for letter in converted.as_str().unwrap_or_default().chars() {
                if let Err(why) = self::converted(elements, &Value::data(letter.to_string())) {
                    self.errors.push(format!(
                        "Elements value for option '{name}'{} is of type str and we were unable to convert to {elements}: {why}",
                        within.quoted("")
                    ));
                }
            }
            return Some(converted);
        };
        let mut out = Vec::with_capacity(list.len());
        for element in list {
            match self::converted(elements, element) {
                Ok(element) => out.push(element),
                Err(why) => self.errors.push(format!(
                    "Elements value for option '{name}'{} is of type {} and we were unable to convert to {elements}: {why}",
                    within.quoted(""),
                    element.type_name()
                )),
            }
        }
        Some(Value::List(out.into()))
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

fn required(option: &Value) -> bool {
    option.get("required").is_some_and(Value::is_true)
}

/// The lists of names that a rule holds.
fn lists<'r>(rules: &'r Value, rule: &str) -> Vec<Vec<&'r str>> {
    let names = |value: &'r Value| match value {
        Value::Text(text) => vec![text.as_str()],
        Value::List(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    rules.get(rule).and_then(Value::as_list).into_iter().flatten().map(names).collect()
}

fn mutually_exclusive(rules: &Value, values: &Map) -> Option<String> {
    let many = |names: &Vec<&str>| names.iter().filter(|name| values.contains(name)).count() > 1;
    let wrong: Vec<String> =
        lists(rules, "mutually_exclusive").into_iter().filter(many).map(|names| names.join("|")).collect();
    (!wrong.is_empty()).then(|| format!("parameters are mutually exclusive: {}", wrong.join(", ")))
}

fn required_together(rules: &Value, values: &Map) -> Option<String> {
    let some = |names: &Vec<&str>| {
        let count = names.iter().filter(|name| values.contains(name)).count();
        count > 0 && count < names.len()
    };
    let wrong = lists(rules, "required_together").into_iter().find(some)?;
    Some(format!("parameters are required together: {}", wrong.join(", ")))
}

fn required_one_of(rules: &Value, values: &Map) -> Option<String> {
    let none = |names: &Vec<&str>| !names.iter().any(|name| values.contains(name));
    let wrong = lists(rules, "required_one_of").into_iter().find(none)?;
    Some(format!("one of the following is required: {}", wrong.join(", ")))
}

fn required_if(rules: &Value, values: &Map) -> Option<String> {
    rules.get("required_if").and_then(Value::as_list)?.iter().find_map(|rule| {
        let rule: Vec<&Value> = rule.as_list()?.iter().collect();
        let (name, wanted) = (rule.first()?.as_str()?, *rule.get(1)?);
        let needed: Vec<&str> = rule.get(2)?.as_list()?.iter().filter_map(Value::as_str).collect();
        let any = rule.get(3).is_some_and(|value| value.is_true());
        if values.get(name) != Some(wanted) {
            return None;
        }
        let missing: Vec<&str> = needed.iter().copied().filter(|name| !values.contains(name)).collect();
        let bad = !missing.is_empty() && (!any || missing.len() >= needed.len());
        let which = if any { "any" } else { "all" };
        bad.then(|| {
            let wanted = wanted.to_str();
            format!("{name} is {wanted} but {which} of the following are missing: {}", missing.join(", "))
        })
    })
}

fn required_by(rules: &Value, values: &Map) -> Option<String> {
    let given = |name: &str| values.get(name).is_some_and(|value| !value.is_null());
    rules.get("required_by").and_then(Value::as_map)?.texts().find_map(|(name, needs)| {
        let needs: Vec<&str> = match needs {
            Value::Text(text) => vec![text.as_str()],
            other => other.as_list()?.iter().filter_map(Value::as_str).collect(),
        };
        let missing: Vec<&str> = needs.into_iter().filter(|need| !given(need)).collect();
        (given(name) && !missing.is_empty())
            .then(|| format!("missing parameter(s) required by '{name}': {}", missing.join(", ")))
    })
}

fn choices(name: &str, option: &Value, value: &Value) -> Option<String> {
    let choices = match option.get("choices") {
        None | Some(Value::Null) => return None,
        Some(Value::List(choices)) => choices,
        Some(other) => {
            return Some(format!("internal error: choices for argument {name} are not iterable: {}", other.to_str()));
        }
    };
    let joined = |values: &mut dyn Iterator<Item = &Value>| {
        values.map(|value| value.to_str().into_owned()).collect::<Vec<_>>().join(", ")
    };
    let known = joined(&mut choices.iter());
    let fits = |value: &Value| choices.iter().any(|choice| choice == value);
    if let Value::List(list) = value {
        let mut others = list.iter().filter(|value| !fits(value)).peekable();
        others.peek()?;
        return Some(format!(
            "value of {name} must be one or more of: {known}. Got no match for: {}",
            joined(&mut others)
        ));
    }
    // YAML reads some words as booleans: `no` is meant where it is the only choice that is false.
    let as_bool = match value.as_str() {
        Some("False") => Some(["0", "f", "false", "n", "no", "off"].as_slice()),
        Some("True") => Some(["1", "on", "t", "true", "y", "yes"].as_slice()),
        _ => None,
    };
    let meant = as_bool.is_some_and(|words| {
        let alike = |choice: &&Value| match choice {
            Value::Bool(on) => *on == (value.as_str() == Some("True")),
            Value::Int(number) => *number == i64::from(value.as_str() == Some("True")),
            other => other.as_str().is_some_and(|word| words.contains(&word)),
        };
        choices.iter().filter(alike).count() == 1
    });
    if meant || fits(value) {
        return None;
    }
    let got = if value.is_null() { "None".into() } else { value.to_str() };
    Some(format!("value of {name} must be one of: {known}, got: {got}"))
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
        "str" => Kind::Text,
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
        check.options(&spec, &map(r#"{"n":"q","s":"z","d":{}}"#), &Value::Null, &Within::default());
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
