//! What `to_json` and `to_nice_json` share: the keyword arguments of Python's `json.dumps`.

use minijinja::Value as Mj;
use rplay_value::JsonStyle;
use rplay_value::json::dumps;

use crate::{FilterCall, TemplateError, py};

/// The input as JSON in a style that the call's keyword arguments may change.
pub(crate) fn write(call: &FilterCall<'_>, mut style: JsonStyle, fixed_separators: bool) -> Result<Mj, TemplateError> {
    for (name, value) in call.keywords() {
        match &**name {
            "indent" => {
                style.indent = match (value.is_none(), value.as_str(), py::as_index(value)) {
                    (true, ..) => None,
                    (_, Some(text), _) => Some(text.to_owned()),
                    (.., Some(width)) => Some(" ".repeat(usize::try_from(width).unwrap_or(0))),
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
            // No value of rplay's is cyclic, beyond JSON or needs the hints these give to Python's encoder.
            "skipkeys" | "check_circular" | "allow_nan" | "profile" | "vault_to_text" | "preprocess_unsafe" => {}
            other => {
                let message = format!("JSONEncoder.__init__() got an unexpected keyword argument '{other}'");
                return Err(TemplateError::type_error(message));
            }
        }
    }
    let value = py::to_value(call.input())?;
    dumps(&value, &style).map(py::text).map_err(|e| TemplateError::type_error(e.to_string()))
}
