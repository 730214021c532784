//! Arguments against their spec: aliases, defaults, types, choices, the rules between them, and what is not taken.
//!
//! The first thing wrong is reported, in the order ansible-core 2.19's `ArgumentSpecValidator` looks.

use rplay_diag::nearest;
use rplay_value::{FALSE_TEXTS, List, Map, TRUE_TEXTS, Value};

use crate::censor::collect_texts;
use crate::convert::{Surroundings, convert, kind_name, python_str};
use crate::{Arg, ArgError, ArgSpec, Args, Kind};

pub(crate) fn check(
    spec: &ArgSpec,
    module: &str,
    given: &Map,
    surroundings: &Surroundings<'_>,
) -> Result<Args, ArgError> {
    let mut run = Run {
        surroundings,
        first: None,
        unknown: Vec::new(),
        supported: String::new(),
        secrets: Vec::new(),
        warnings: Vec::new(),
    };
    let mut values = given.clone();
    run.level(spec, &mut values, &mut Vec::new());
    let Run { first, mut unknown, supported, mut secrets, warnings, .. } = run;
    if let Some(mut error) = first {
        // A missing argument beside an unknown one is most often a misspelling.
        if error.suggestion.is_none() {
            error.suggestion = unknown.iter().find_map(|u| u.suggestion.clone());
        }
        return Err(error);
    }
    if !unknown.is_empty() {
        unknown.sort_by(|a, b| a.name.cmp(&b.name));
        let names: Vec<&str> = unknown.iter().map(|u| u.name.as_str()).collect();
        let message = format!(
            "Unsupported parameters for ({module}) module: {}. Supported parameters include: {supported}.",
            names.join(", ")
        );
        let suggestion = unknown.iter().find_map(|u| u.suggestion.clone());
        return Err(ArgError { message, argument: unknown.first().map(|u| u.name.clone()), suggestion });
    }
    secrets.sort_by_key(|s| std::cmp::Reverse(s.len()));
    secrets.dedup();
    Ok(Args { values, secrets, warnings })
}

struct Unknown {
    name: String,
    suggestion: Option<String>,
}

struct Run<'a> {
    surroundings: &'a Surroundings<'a>,
    first: Option<ArgError>,
    unknown: Vec<Unknown>,
    supported: String,
    secrets: Vec<String>,
    warnings: Vec<String>,
}

impl Run<'_> {
    fn refuse(&mut self, argument: Option<&str>, message: String, context: &[&str]) {
        if self.first.is_none() {
            let message =
                if context.is_empty() { message } else { format!("{message} found in {}", context.join(" -> ")) };
            self.first = Some(ArgError { message, argument: argument.map(str::to_owned), suggestion: None });
        }
    }

    /// One level of arguments: the module's, or those inside a mapping.
    fn level(&mut self, spec: &ArgSpec, values: &mut Map, context: &mut Vec<&'static str>) {
        for arg in spec.all() {
            self.aliases(arg, values, context);
            if arg.no_log
                && let Some(value) = values.get(arg.name)
            {
                collect_texts(value, &mut self.secrets);
            }
        }
        self.unknown(spec, values, context);
        self.exclusive(spec, values, context);
        self.defaults(spec, values);
        let mut missing: Vec<&str> =
            spec.all().filter(|a| a.required && !values.contains(a.name)).map(|a| a.name).collect();
        if !missing.is_empty() {
            missing.sort_unstable();
            self.refuse(
                missing.first().copied(),
                format!("missing required arguments: {}", missing.join(", ")),
                context,
            );
        }
        for arg in spec.all() {
            self.convert(arg, values, context);
        }
        for arg in spec.all().filter(|a| !a.choices.is_empty()) {
            self.choices(arg, values, context);
        }
        self.rules(spec, values, context);
        for arg in spec.all() {
            if !values.contains(arg.name) && !arg.gone {
                values.insert(arg.name, Value::Null);
            }
        }
        for arg in spec.all() {
            if let Some(inner) = arg.options {
                self.inside(arg, inner, values, context);
            }
        }
    }

    fn aliases(&mut self, arg: &Arg, values: &mut Map, context: &[&str]) {
        for alias in arg.aliases {
            if let Some(value) = values.get(alias).cloned() {
                if values.contains(arg.name) {
                    let prefix = dotted(context);
                    self.warnings
                        .push(format!("Both option {prefix}{} and its alias {prefix}{alias} are set.", arg.name));
                }
                values.insert(arg.name, value);
            }
        }
    }

    fn unknown(&mut self, spec: &ArgSpec, values: &Map, context: &[&str]) {
        if spec.open {
            return;
        }
        for (key, _) in values {
            let name = python_str(key);
            if (spec.free_form && name == "_raw_params") || spec.find(&name).is_some() {
                continue;
            }
            let mut names: Vec<&str> = spec.all().filter(|a| !a.gone).map(|a| a.name).collect();
            let mut aliases: Vec<&str> = spec.all().flat_map(|a| a.aliases).copied().collect();
            names.sort_unstable();
            aliases.sort_unstable();
            let suggestion = nearest(&name, names.iter().chain(&aliases).copied()).map(str::to_owned);
            self.supported = names.join(", ");
            if !aliases.is_empty() {
                self.supported.push_str(&format!(" ({})", aliases.join(", ")));
            }
            let path = dotted(context);
            self.unknown.push(Unknown { name: path + &name, suggestion });
        }
    }

    fn exclusive(&mut self, spec: &ArgSpec, values: &Map, context: &[&str]) {
        let broken: Vec<String> = spec
            .exclusive
            .iter()
            .filter(|set| set.iter().filter(|name| values.contains(name)).count() > 1)
            .map(|set| set.join("|"))
            .collect();
        if !broken.is_empty() {
            self.refuse(None, format!("parameters are mutually exclusive: {}", broken.join(", ")), context);
        }
    }

    fn defaults(&mut self, spec: &ArgSpec, values: &mut Map) {
        for arg in spec.all() {
            if let Some(default) = arg.default
                && !values.contains(arg.name)
            {
                if arg.no_log && !default.is_empty() {
                    self.secrets.push(default.to_owned());
                }
                let empty_list = arg.kind == Kind::List && default.is_empty();
                values.insert(arg.name, if empty_list { Value::List(List::new()) } else { Value::from(default) });
            }
        }
    }

    fn convert(&mut self, arg: &'static Arg, values: &mut Map, context: &[&str]) {
        let Some(value) = values.get(arg.name).cloned() else { return };
        if value.is_null() && !arg.required && arg.default.is_none() {
            return;
        }
        let place = if context.is_empty() { String::new() } else { format!(" found in '{}'.", context.join(" -> ")) };
        match convert(arg.kind, &value, self.surroundings) {
            Ok(Value::List(list)) if arg.kind == Kind::List && arg.elements != Kind::Raw => {
                let mut items = List::new();
                for item in &list {
                    match convert(arg.elements, item, self.surroundings) {
                        Ok(item) => items.push(item),
                        Err(why) => {
                            let place = if context.is_empty() {
                                String::new()
                            } else {
                                format!(" found in '{}'", context.join(" -> "))
                            };
                            let (from, to) = (item.type_name(), kind_name(arg.elements));
                            let message = format!(
                                "Elements value for option '{}'{place} is of type {from} and we were unable to convert to {to}: {why}",
                                arg.name
                            );
                            self.refuse(Some(arg.name), message, &[]);
                        }
                    }
                }
                values.insert(arg.name, items);
            }
            Ok(converted) => {
                values.insert(arg.name, converted);
            }
            Err(why) => {
                let (from, to) = (value.type_name(), kind_name(arg.kind));
                let message = format!(
                    "argument '{}' is of type {from}{place} and we were unable to convert to {to}: {why}",
                    arg.name
                );
                self.refuse(Some(arg.name), message, &[]);
            }
        }
    }

    fn choices(&mut self, arg: &'static Arg, values: &mut Map, context: &[&str]) {
        let all = || arg.choices.join(", ");
        match values.get(arg.name) {
            None => {}
            Some(Value::Null) if !arg.required && arg.default.is_none() => {}
            Some(Value::List(list)) => {
                let wrong: Vec<String> =
                    list.iter().map(python_str).filter(|item| !arg.choices.contains(&item.as_str())).collect();
                if !wrong.is_empty() {
                    let message = format!(
                        "value of {} must be one or more of: {}. Got no match for: {}",
                        arg.name,
                        all(),
                        wrong.join(", ")
                    );
                    self.refuse(Some(arg.name), message, context);
                }
            }
            Some(value) => {
                let text = python_str(value);
                if arg.choices.contains(&text.as_str()) {
                    return;
                }
                // YAML reads `on` as a boolean: the one choice that means the same boolean is what was written.
                let words = match text.as_str() {
                    "True" => &TRUE_TEXTS,
                    "False" => &FALSE_TEXTS,
                    _ => &[""; 6],
                };
                let mut meant = arg.choices.iter().filter(|c| words.contains(c));
                if let (Some(one), None) = (meant.next(), meant.next()) {
                    values.insert(arg.name, *one);
                    return;
                }
                let suggestion = nearest(&text, arg.choices.iter().copied()).map(str::to_owned);
                let fresh = self.first.is_none();
                self.refuse(
                    Some(arg.name),
                    format!("value of {} must be one of: {}, got: {text}", arg.name, all()),
                    context,
                );
                if let Some(error) = self.first.as_mut().filter(|_| fresh) {
                    error.suggestion = suggestion;
                }
            }
        }
    }

    fn rules(&mut self, spec: &ArgSpec, values: &Map, context: &[&str]) {
        for set in spec.together {
            let given = set.iter().filter(|name| values.contains(name)).count();
            if given > 0 && given < set.len() {
                self.refuse(None, format!("parameters are required together: {}", set.join(", ")), context);
            }
        }
        for set in spec.one_of {
            if !set.iter().any(|name| values.contains(name)) {
                self.refuse(None, format!("one of the following is required: {}", set.join(", ")), context);
            }
        }
        for (any, rules) in [(false, spec.required_if), (true, spec.required_if_any)] {
            for (name, wanted, needed) in rules {
                if !values.get(name).is_some_and(|v| is(v, wanted)) {
                    continue;
                }
                let missing: Vec<&str> = needed.iter().filter(|n| !values.contains(n)).copied().collect();
                if missing.is_empty() || (any && missing.len() < needed.len()) {
                    continue;
                }
                let shown = values.get(name).map(python_str).unwrap_or_default();
                let which = if any { "any" } else { "all" };
                let message =
                    format!("{name} is {shown} but {which} of the following are missing: {}", missing.join(", "));
                self.refuse(Some(name), message, context);
            }
        }
        for (name, needed) in spec.required_by {
            if values.get(name).is_none_or(Value::is_null) {
                continue;
            }
            let missing: Vec<&str> =
                needed.iter().filter(|n| values.get(n).is_none_or(Value::is_null)).copied().collect();
            if !missing.is_empty() {
                self.refuse(
                    Some(name),
                    format!("missing parameter(s) required by '{name}': {}", missing.join(", ")),
                    context,
                );
            }
        }
    }

    fn inside(&mut self, arg: &'static Arg, spec: &ArgSpec, values: &mut Map, context: &mut Vec<&'static str>) {
        context.push(arg.name);
        match values.get(arg.name).cloned() {
            Some(Value::Map(mut map)) => {
                self.level(spec, &mut map, context);
                values.insert(arg.name, map);
            }
            Some(Value::List(list)) => {
                let mut items = List::new();
                for item in list {
                    match item {
                        Value::Map(mut map) => {
                            self.level(spec, &mut map, context);
                            items.push(map);
                        }
                        _ => self.refuse(
                            Some(arg.name),
                            format!("value of '{}' must be of type dict or list of dicts", arg.name),
                            &[],
                        ),
                    }
                }
                values.insert(arg.name, items);
            }
            _ => {}
        }
        context.pop();
    }
}

/// The names of the mappings around, each with a dot.
fn dotted(context: &[&str]) -> String {
    context.iter().flat_map(|name| [*name, "."]).collect()
}

/// Whether a converted value is what a rule names; booleans are named `true` and `false`.
fn is(value: &Value, wanted: &str) -> bool {
    match value {
        Value::Bool(b) => if *b { &TRUE_TEXTS } else { &FALSE_TEXTS }.contains(&wanted.to_lowercase().as_str()),
        other => python_str(other) == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INNER: ArgSpec =
        ArgSpec { args: &[Arg::text("key").required(), Arg::int("size").default("3")], ..ArgSpec::EMPTY };
    const SPEC: ArgSpec = ArgSpec {
        args: &[
            Arg::text("name").required().alias(&["pkg", "package"]),
            Arg::text("state").choices(&["present", "absent"]).default("present"),
            Arg::text("switch").choices(&["on", "off", "auto"]),
            Arg::text("password").no_log(),
            Arg::list("tags"),
            Arg::list("ids").elements(Kind::Int),
            Arg::list("things").elements(Kind::Map).options(&INNER),
            Arg::bool("force").default("no"),
            Arg::text("a"),
            Arg::text("b"),
        ],
        exclusive: &[&["a", "b"]],
        required_if: &[("state", "absent", &["force_reason"])],
        required_by: &[("tags", &["a"])],
        ..ArgSpec::EMPTY
    };

    fn map<const N: usize>(entries: [(&str, Value); N]) -> Map {
        entries.into_iter().collect()
    }

    fn refused(spec: &ArgSpec, entries: impl IntoIterator<Item = (&'static str, Value)>) -> ArgError {
        spec.check("pkg", &entries.into_iter().collect()).unwrap_err()
    }

    #[test]
    fn values_are_converted_and_defaults_filled_in() {
        let args = SPEC
            .check(
                "pkg",
                &map([("pkg", 7.into()), ("ids", "1,2".into()), ("force", "yes".into()), ("switch", true.into())]),
            )
            .unwrap();
        assert_eq!(args.need("name"), "7");
        assert_eq!(args.need("state"), "present");
        assert_eq!(args.list("ids").unwrap().to_vec(), vec![Value::Int(1), Value::Int(2)]);
        assert!(args.flag("force"));
        assert_eq!(args.need("switch"), "on");
        assert!(args.get("tags").is_none());
    }

    #[test]
    fn unknown_arguments_are_refused_with_the_nearest_name() {
        let error = refused(&SPEC, [("name", "x".into()), ("stat", "present".into())]);
        assert_eq!(
            error.message,
            "Unsupported parameters for (pkg) module: stat. Supported parameters include: a, b, force, ids, name, password, state, switch, tags, things (package, pkg)."
        );
        assert_eq!(error.suggestion.as_deref(), Some("state"));
        let error = refused(&SPEC, [("nmae", "x".into())]);
        assert_eq!(error.message, "missing required arguments: name");
        assert_eq!(error.suggestion.as_deref(), Some("name"));
    }

    #[test]
    fn rules_use_ansibles_words() {
        let name = ("name", Value::from("x"));
        let cases = [
            (vec![("a", Value::from("1")), ("b", "2".into())], "parameters are mutually exclusive: a|b"),
            (vec![("state", "gone".into())], "value of state must be one of: present, absent, got: gone"),
            (vec![("state", "absent".into())], "state is absent but all of the following are missing: force_reason"),
            (vec![("tags", "t".into())], "missing parameter(s) required by 'tags': a"),
            (
                vec![("ids", "x".into())],
                "Elements value for option 'ids' is of type str and we were unable to convert to int: \"'x'\" cannot be converted to an int",
            ),
            (vec![("things", vec![Map::new()].into())], "missing required arguments: key found in things"),
        ];
        for (mut entries, message) in cases {
            entries.push(name.clone());
            assert_eq!(refused(&SPEC, entries).message, message);
        }
    }

    #[test]
    fn secrets_and_double_names_are_noticed() {
        let given = map([("name", "a".into()), ("pkg", "b".into()), ("password", "s3".into())]);
        let args = SPEC.check("pkg", &given).unwrap();
        assert_eq!(args.secrets(), ["s3"]);
        assert_eq!(args.warnings, ["Both option name and its alias pkg are set."]);
        assert_eq!(args.need("name"), "b");
    }

    #[test]
    fn arguments_inside_lists_are_checked_too() {
        let thing = Map::from_iter([("key", "k")]);
        let args = SPEC.check("pkg", &map([("name", "x".into()), ("things", vec![thing].into())])).unwrap();
        let thing = args.list("things").unwrap()[0].as_map().unwrap();
        assert_eq!(thing.get("size"), Some(&Value::Int(3)));
    }

    #[test]
    fn what_only_old_releases_have_is_taken_and_shown_nowhere_else() {
        const OLD: ArgSpec = ArgSpec { args: &[Arg::text("path"), Arg::bool("warn").gone()], ..ArgSpec::EMPTY };
        let check = |args: Map| OLD.check("m", &args);
        assert!(!check(Map::new()).unwrap().all().contains("warn"));
        assert_eq!(check(Map::from_iter([("warn", "no")])).unwrap().bool("warn"), Some(false));
        let unknown = check(Map::from_iter([("x", 1)])).unwrap_err();
        assert_eq!(unknown.message, "Unsupported parameters for (m) module: x. Supported parameters include: path.");
    }
}
