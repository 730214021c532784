//! What `to_json` and `to_nice_json` share: the keyword arguments of Python's `json.dumps`.

use minijinja::Value as Mj;
use rplay_value::json::dumps;
use rplay_value::{JsonStyle, Value};

use crate::{FilterCall, TemplateError, py};

/// Lines an indentation is expected to stand on.
const LINES: usize = 1000;

/// The input as JSON in a style that the call's keyword arguments may change.
pub(crate) fn write(call: &FilterCall<'_>, mut style: JsonStyle, fixed_separators: bool) -> Result<Mj, TemplateError> {
    let declared = ["profile", "vault_to_text", "preprocess_unsafe", "indent", "sort_keys"];
    let declared = declared.into_iter().filter_map(|name| Some((name, call.opt(name)?)));
    let given: Vec<(&str, &Mj)> =
        declared.chain(call.keywords().iter().map(|(name, value)| (&**name, value))).collect();
    let mut finite = false;
    for (name, value) in &given {
        match *name {
            "indent" => {
                style.indent = match (value.is_none(), value.as_str(), py::as_index(value)) {
                    (true, ..) => None,
                    (_, Some(text), _) => Some(text.to_owned()),
                    (.., Some(width)) => {
                        let width = usize::try_from(width).unwrap_or(0);
                        py::limits::text(width.saturating_mul(LINES))?;
                        Some(" ".repeat(width))
                    }
                    _ => {
                        let message = format!("can't multiply sequence by non-int of type '{}'", py::type_name(value));
                        return Err(TemplateError::type_error(message));
                    }
                };
            }
            "sort_keys" => style.sort_keys = py::truthy(value)?,
            "ensure_ascii" => style.ensure_ascii = py::truthy(value)?,
            "separators" if fixed_separators => {}
            "separators" => {
                if !value.is_none() {
                    let mut parts = py::iterate(value)?.into_iter().map(|part| py::str(&part));
                    match (parts.next(), parts.next(), parts.next()) {
                        (Some(item), Some(key), None) => style.separators = Some((item, key)),
                        _ => return Err(TemplateError::value_error("separators must be a pair")),
                    }
                }
            }
            "allow_nan" => finite = !py::truthy(value)?,
            "profile" => known_profile(call.name(), value)?,
            // As in 2.19, where both are left over from older versions.
            "vault_to_text" | "preprocess_unsafe" => {
                let profiled =
                    given.iter().any(|(name, value)| *name == "profile" && py::truthy(value).unwrap_or(true));
                if profiled {
                    let message = format!("Only one of `{name}` or `profile` can be specified.");
                    return Err(TemplateError::value_error(message));
                }
            }
            // No value is cyclic, and what cannot be a key fails with `skipkeys` too in 2.19: both change nothing there.
            "check_circular" | "skipkeys" => {}
            "cls" => {
                let message = "json.dumps() got multiple values for keyword argument 'cls'";
                return Err(TemplateError::type_error(message));
            }
            "default" if value.is_none() => {}
            "default" => {
                let message = format!("'{}' object is not callable", py::type_name(value));
                return Err(TemplateError::type_error(message).hint("`default` takes a function; leave it out"));
            }
            other => {
                let message = format!("JSONEncoder.__init__() got an unexpected keyword argument '{other}'");
                return Err(TemplateError::type_error(message));
            }
        }
    }
    py::limits::depth(call.input())?;
    if crate::omit::holds_omit(call.input()) {
        let message = "Object of type '_OmitType' is not JSON serializable by the 'tagless' profile.";
        return Err(TemplateError::type_error(message).hint("leave the entry out before"));
    }
    let value = py::to_value(call.input())?;
    if finite && !is_finite(&value) {
        return Err(TemplateError::value_error("Out of range float values are not JSON compliant"));
    }
    dumps(&value, &style).map(py::text).map_err(|e| TemplateError::type_error(e.to_string()))
}

/// Refuses every profile but the default one.
pub(crate) fn known_profile(filter: &str, value: &Mj) -> Result<(), TemplateError> {
    let name = if py::truthy(value)? { py::str(value) } else { return Ok(()) };
    match name.as_str() {
        "tagless" => Ok(()),
        "legacy" | "inventory_legacy" | "cache_persistence" | "fallback_to_str" | "module_legacy_c2m"
        | "module_legacy_m2c" | "module_modern_c2m" | "module_modern_m2c" => {
            let message = format!("{filter} does not support the profile '{name}'.");
            Err(TemplateError::value_error(message).hint("leave `profile` out, or give it its default, `tagless`"))
        }
        _ => {
            let message = format!("Unknown profile name '{name}'.");
            Err(TemplateError::value_error(message).hint("leave `profile` out, or give it its default, `tagless`"))
        }
    }
}

fn is_finite(value: &Value) -> bool {
    match value {
        Value::Float(number) => number.is_finite(),
        Value::List(items) => items.iter().all(is_finite),
        Value::Map(map) => map.iter().all(|(key, value)| is_finite(key) && is_finite(value)),
        _ => true,
    }
}
