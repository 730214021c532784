//! From nodes to keyword values: conversions, and the keywords that every level has.

use rplay_diag::{Diagnostic, Span};
use rplay_value::{Map, Text, Value, Verdict};
use rplay_yaml::Node;

use super::loader::Loader;
use crate::keyword::{self, Keyword, Kind, Place};
use crate::{Common, Condition, Field, PlaybookError};

type Result<T> = std::result::Result<T, PlaybookError>;

/// The error for a keyword whose value has the wrong type.
pub(crate) fn wrong_type(name: &str, kind: Kind, value: &Node) -> PlaybookError {
    let found = value.kind_name();
    Diagnostic::error(format!("keyword `{name}` takes {kind}, not {found}"))
        .at(value.span(), format!("{found} here"))
        .into()
}

/// A keyword's value by conversion of the scalar; a template is kept.
fn field<T>(
    name: &str,
    kind: Kind,
    value: &Node,
    convert: impl FnOnce(&Value) -> Option<T>,
) -> Result<Option<Field<T>>> {
    let place = Some(value.span());
    let raw = value.to_value();
    if raw.is_null() {
        return Ok(None);
    }
    if raw.as_text().is_some_and(Text::is_template) || matches!(raw, Value::Vault(_)) {
        return Ok(Some(Field::template(place, raw)));
    }
    match convert(&raw) {
        Some(converted) => Ok(Some(Field::at(place, converted))),
        None => Err(wrong_type(name, kind, value)),
    }
}

pub(crate) fn bool_field(name: &str, value: &Node) -> Result<Option<Field<bool>>> {
    field(name, Kind::Bool, value, Value::to_bool)
}

pub(crate) fn int_field(name: &str, value: &Node) -> Result<Option<Field<i64>>> {
    field(name, Kind::Int, value, to_int)
}

fn to_int(value: &Value) -> Option<i64> {
    match value {
        Value::Int(i) => Some(*i),
        Value::Bool(b) => Some(i64::from(*b)),
        Value::Float(f) if f.fract() == 0.0 && f.abs() < 9e15 => Some(*f as i64),
        Value::Text(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| to_int(&Value::Float(text.parse().ok()?)))
        }
        _ => None,
    }
}

pub(crate) fn float_field(name: &str, kind: Kind, value: &Node) -> Result<Option<Field<f64>>> {
    field(name, kind, value, |value| match value {
        Value::Int(i) => Some(*i as f64),
        Value::Float(f) => Some(*f),
        Value::Text(text) => {
            let text = text.trim();
            let text = if kind == Kind::Percent { text.trim_end_matches('%') } else { text };
            text.parse().ok()
        }
        _ => None,
    })
}

pub(crate) fn text_field(name: &str, value: &Node) -> Result<Option<Field<Text>>> {
    match plain_text(value) {
        Some(text) if text.is_template() => Ok(Some(Field::template(Some(value.span()), Value::Text(text)))),
        Some(text) => Ok(Some(Field::at(Some(value.span()), text))),
        None if value.is_null() => Ok(None),
        None if matches!(value.to_value(), Value::Vault(_)) => {
            Ok(Some(Field::template(Some(value.span()), value.to_value())))
        }
        None => Err(wrong_type(name, Kind::Text, value)),
    }
}

/// A scalar as text; numbers and booleans as Python writes them.
pub(crate) fn plain_text(value: &Node) -> Option<Text> {
    scalar_text(&value.to_value(), value.span())
}

fn scalar_text(value: &Value, span: Span) -> Option<Text> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Null | Value::List(_) | Value::Map(_) | Value::Vault(_) => None,
        other => Some(Text::written(other.to_str().into_owned(), span)),
    }
}

/// A scalar as text; nothing where nothing is written.
pub(crate) fn maybe_text(name: &str, value: &Node) -> Result<Option<Text>> {
    match plain_text(value) {
        None if !value.is_null() && !matches!(value.to_value(), Value::Vault(_)) => {
            Err(wrong_type(name, Kind::Text, value))
        }
        text => Ok(text),
    }
}

/// One text or a list of them.
pub(crate) fn texts(name: &str, value: &Node) -> Result<Vec<Text>> {
    if value.is_null() {
        return Ok(Vec::new());
    }
    let Some(items) = value.as_sequence() else {
        return plain_text(value).map(|text| vec![text]).ok_or_else(|| wrong_type(name, Kind::Texts, value));
    };
    let mut out = Vec::with_capacity(items.len());
    for item in items {
        // Lists of lists come from anchors; they count as one list.
        if item.as_sequence().is_some() {
            out.extend(texts(name, item)?);
        } else if !item.is_null() {
            out.push(plain_text(item).ok_or_else(|| wrong_type(name, Kind::Texts, item))?);
        }
    }
    Ok(out)
}

/// Tags: a list, or one text that commas separate.
pub(crate) fn tags(value: &Node) -> Result<Vec<Text>> {
    let all = texts("tags", value)?;
    if value.as_sequence().is_some() {
        return Ok(all);
    }
    Ok(all.iter().flat_map(split_tags).collect())
}

fn split_tags(text: &Text) -> Vec<Text> {
    if !text.contains(',') {
        return vec![text.clone()];
    }
    let like = |part: &str| {
        let part = part.trim();
        let fresh = if text.is_trusted() { Text::trusted(part) } else { Text::data(part) };
        fresh.with_origin(text.origin())
    };
    text.split(',').map(like).collect()
}

/// One condition or several.
pub(crate) fn conditions(name: &str, value: &Node) -> Result<Vec<Condition>> {
    if let Some(items) = value.as_sequence() {
        let nested: Result<Vec<Vec<Condition>>> = items.iter().map(|item| conditions(name, item)).collect();
        return Ok(nested?.concat());
    }
    let span = Some(value.span());
    match value.to_value() {
        Value::Null => Ok(Vec::new()),
        found @ (Value::Text(_) | Value::Bool(_) | Value::Int(_) | Value::Float(_)) => {
            Ok(vec![Condition { value: found, span }])
        }
        _ => Err(wrong_type(name, Kind::Conditions, value)),
    }
}

/// Variables: a mapping, or a list of mappings of which later ones win.
pub(crate) fn vars(value: &Node, place: Place) -> Result<Map> {
    if let Some(entries) = value.as_mapping() {
        for (key, _) in entries {
            variable_name(key)?;
        }
        return match value.to_value() {
            Value::Map(map) => Ok(map),
            _ => Ok(Map::new()),
        };
    }
    if let Some(items) = value.as_sequence() {
        let mut out = Map::new();
        for item in items {
            out.extend(vars(item, place)?);
        }
        return Ok(out);
    }
    if value.is_null() {
        return Ok(Map::new());
    }
    let error = Diagnostic::error(format!("vars of a {place} must be a mapping, not {}", value.kind_name()));
    Err(error.at(value.span(), "").hint("write `name: value` lines below `vars:`").into())
}

/// Refuses keys that cannot be variables.
fn variable_name(key: &Node) -> Result<()> {
    let span = key.span();
    let value = key.to_value();
    let Some(name) = value.as_str() else {
        let error = Diagnostic::error(format!("a variable's name must be text, not {}", key.kind_name()));
        return Err(error.at(span, "").hint("put it in quotes").into());
    };
    check_variable_name(name, span)
}

/// Refuses texts that cannot be variables.
pub(crate) fn check_variable_name(name: &str, span: Span) -> Result<()> {
    let mut chars = name.chars();
    let first = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_');
    if first && chars.all(|c| c.is_alphanumeric() || c == '_') {
        return Ok(());
    }
    let error = Diagnostic::error(format!("Invalid variable name '{name}'")).at(span, "");
    Err(error.hint("names start with a letter or `_`, and go on with letters, digits and `_`").into())
}

/// A mapping or a list of mappings; each may be a template.
fn maps(name: &str, value: &Node) -> Result<Vec<Value>> {
    if let Some(items) = value.as_sequence() {
        let nested: Result<Vec<Vec<Value>>> = items.iter().map(|item| maps(name, item)).collect();
        return Ok(nested?.concat());
    }
    match value.to_value() {
        Value::Null => Ok(Vec::new()),
        map @ Value::Map(_) => Ok(vec![map]),
        Value::Text(text) if text.is_empty() => Ok(Vec::new()),
        // A bare name of a variable was a template in old releases.
        text @ Value::Text(_) => Ok(vec![text]),
        _ => Err(wrong_type(name, Kind::Maps, value)),
    }
}

/// What `debugger` may say.
const WORDS: [&str; 5] = ["always", "never", "on_failed", "on_skipped", "on_unreachable"];

/// When to start the debugger.
fn debugger(value: &Node) -> Result<Option<Field<Text>>> {
    let field = text_field("debugger", value)?;
    let Some(word) = field.as_ref().and_then(Field::constant).filter(|word| !word.is_empty()) else { return Ok(field) };
    if WORDS.contains(&word.as_str()) {
        return Ok(field);
    }
    let message = format!("'{word}' is not a valid value for debugger. Must be one of {}", WORDS.join(", "));
    let near = rplay_diag::nearest(word, WORDS).map(|near| format!("did you mean `{near}`?"));
    Err(Diagnostic::error(message).at(value.span(), "").hint_maybe(near).into())
}

/// What Ansible calls a place.
fn class(place: Place) -> &'static str {
    match place {
        Place::Play => "Play",
        Place::Block => "Block",
        Place::Task => "Task",
        Place::Handler => "Handler",
        Place::Role => "RoleInclude",
        Place::LoopControl => "LoopControl",
        Place::ImportPlaybook => "PlaybookInclude",
        Place::VarsPrompt => "vars_prompt",
    }
}

/// Refuses a keyword that may not stand there, saying what was meant.
pub(crate) fn unknown(key: &Node, place: Place) -> PlaybookError {
    let value = key.to_value();
    let name = value.as_str().unwrap_or("?").to_owned();
    let error = Diagnostic::error(format!("'{name}' is not a valid attribute for a {}", class(place)));
    let error = error.at(key.span(), "unknown keyword");
    let elsewhere = keyword::elsewhere(&name);
    let hint = if let Some(near) = keyword::suggest(&name, place) {
        Some(format!("did you mean `{near}`?"))
    } else if elsewhere.is_empty() {
        None
    } else {
        let places = elsewhere.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
        Some(format!("`{name}` belongs to a {places}: check the indentation"))
    };
    error.hint_maybe(hint).into()
}

impl Loader<'_> {
    /// Warns about a keyword that newer releases do not have, or refuses what the release that is followed does not have.
    pub(crate) fn check_release(&self, keyword: &Keyword, key: &Node, value: &Node, place: Place) -> Result<()> {
        let compat = &self.settings.compat;
        let refuse = |hint: String| {
            let error = unknown(key, place);
            let PlaybookError::Invalid(mut diagnostic) = error else { return error };
            diagnostic.hints = vec![hint];
            PlaybookError::Invalid(diagnostic)
        };
        if keyword.refused {
            let message = format!("`{}` is no keyword any more", keyword.name);
            return Err(Diagnostic::error(message).at(key.span(), "").hint(keyword.help).into());
        }
        if let Some(since) = keyword.since
            && compat.added_in(since) == Verdict::Refused
        {
            return Err(refuse(format!("`{}` came with Ansible {since}, and {compat} is followed", keyword.name)));
        }
        if keyword.own && compat.is_strict() {
            return Err(refuse(format!("`{}` is rplay's own, and {compat} is followed", keyword.name)));
        }
        if let Some(until) = keyword.until {
            match compat.removed_in(until) {
                Verdict::Accepted => {}
                Verdict::Deprecated => {
                    let message = format!("`{}` was removed in Ansible {until}", keyword.name);
                    self.deprecated(message, Some(key.span()), keyword.help);
                }
                Verdict::Refused => {
                    return Err(refuse(format!("`{}` was removed in Ansible {until}: {}", keyword.name, keyword.help)));
                }
            }
        }
        if keyword.name == "module_defaults" {
            self.check_defaults(value, place)?;
        }
        if keyword.name == "vars" && value.as_sequence().is_some() {
            if !compat.profile().vars_lists {
                let error = Diagnostic::error(format!("Vars in a {} must be specified as a dictionary.", class(place)));
                return Err(error
                    .at(value.span(), "a list here")
                    .hint("write one mapping: `name: value` lines")
                    .into());
            }
            if !compat.is_strict() {
                let message = "`vars` as a list of mappings was removed in Ansible 2.19";
                self.deprecated(message, Some(key.span()), "write one mapping: `name: value` lines");
            }
        }
        Ok(())
    }

    /// Refuses defaults for groups that are nowhere, and for modules that nobody knows.
    fn check_defaults(&self, value: &Node, place: Place) -> Result<()> {
        if let Some(items) = value.as_sequence() {
            return items.iter().try_for_each(|item| self.check_defaults(item, place));
        }
        for (key, _) in value.as_mapping().unwrap_or_default() {
            let Some(name) = key.as_str() else { continue };
            if let Some(group) = name.strip_prefix("group/") {
                let group = self.settings.collections.group(group).map_err(|error| {
                    let missing = error.name.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
                    let hint = (!error.installed && missing != "ansible.builtin")
                        .then(|| format!("is the collection {missing} installed?"));
                    Diagnostic::error(error.to_string()).at(key.span(), "").hint_maybe(hint)
                })?;
                group.warnings.into_iter().for_each(|text| self.warn(Diagnostic::warning(text).at(key.span(), "")));
                continue;
            }
            // A role's own modules are known to its tasks only.
            let found = self.resolve.action(name, &[], None).map_err(|error| error.at(key.span(), ""))?;
            if found.is_none() && place == Place::Play {
                let error = Diagnostic::error(format!("Could not resolve action {name} in module_defaults"));
                let near = self.resolve.nearest_action(name).map(|near| format!("did you mean `{near}`?"));
                return Err(error.at(key.span(), "").hint_maybe(near).into());
            }
        }
        Ok(())
    }

    /// Keywords of a mapping that all have to be ones of every level, as those of `apply`.
    pub(crate) fn common_only(&self, value: &Node, place: Place) -> Result<Common> {
        let mut common = Common::default();
        let entries = value.as_mapping().ok_or_else(|| wrong_type("apply", Kind::Map, value))?;
        for (key, value) in entries {
            let name = key.to_value();
            let known = match keyword::find(name.as_str().unwrap_or_default(), place) {
                Some(keyword) => {
                    self.check_release(keyword, key, value, place)?;
                    common_keyword(&mut common, keyword.name, value, place)?
                }
                None => false,
            };
            if !known {
                return Err(unknown(key, place));
            }
        }
        Ok(common)
    }
}

/// Takes a keyword that every level has. Says whether it was one.
pub(crate) fn common_keyword(common: &mut Common, name: &str, value: &Node, place: Place) -> Result<bool> {
    let c = common;
    match name {
        "any_errors_fatal" => c.any_errors_fatal = bool_field(name, value)?,
        "become" => c.r#become = bool_field(name, value)?,
        "sudo" | "su" => {
            c.r#become = bool_field(name, value)?;
            if name == "su" {
                c.become_method = Some(Field::at(Some(value.span()), Text::data("su")));
            }
        }
        "become_exe" | "sudo_exe" | "su_exe" => c.become_exe = text_field(name, value)?,
        "become_flags" | "sudo_flags" | "su_flags" => c.become_flags = text_field(name, value)?,
        "become_method" => c.become_method = text_field(name, value)?,
        "become_user" => c.become_user = text_field(name, value)?,
        "sudo_user" | "su_user" => {
            c.become_user = text_field(name, value)?;
            // As Ansible 1.9: naming the user is asking for it.
            if c.r#become.is_none() {
                c.r#become = Some(Field::at(Some(value.span()), true));
            }
            if name == "su_user" && c.become_method.is_none() {
                c.become_method = Some(Field::at(Some(value.span()), Text::data("su")));
            }
        }
        "check_mode" => c.check_mode = bool_field(name, value)?,
        "always_run" => {
            c.check_mode =
                bool_field(name, value)?.filter(|f| f.constant() != Some(&false)).map(|f| match f.constant() {
                    Some(_) => Field::at(f.span, false),
                    None => f,
                });
        }
        "collections" => c.collections = Some(texts(name, value)?),
        "connection" => c.connection = text_field(name, value)?,
        "debugger" => c.debugger = debugger(value)?,
        "delegate_to" => c.delegate_to = text_field(name, value)?,
        "delegate_facts" => c.delegate_facts = bool_field(name, value)?,
        "diff" => c.diff = bool_field(name, value)?,
        "environment" => c.environment = maps(name, value)?,
        "ignore_errors" => c.ignore_errors = bool_field(name, value)?,
        "ignore_unreachable" => c.ignore_unreachable = bool_field(name, value)?,
        "module_defaults" => c.module_defaults = maps(name, value)?,
        "no_log" => c.no_log = bool_field(name, value)?,
        "notify" => c.notify = texts(name, value)?,
        "port" => c.port = int_field(name, value)?,
        "remote_user" | "user" => c.remote_user = text_field(name, value)?,
        "run_once" => c.run_once = bool_field(name, value)?,
        "tags" => c.tags = tags(value)?,
        "throttle" => c.throttle = int_field(name, value)?,
        "timeout" => c.timeout = int_field(name, value)?,
        "vars" => c.vars = vars(value, place)?,
        "when" => c.when = conditions(name, value)?,
        _ => return Ok(false),
    }
    Ok(true)
}
