//! What `to_yaml` and `to_nice_yaml` share: the keyword arguments of Python's `yaml.dump`.

use minijinja::Value as Mj;
use rplay_yaml::{DumpStyle, Style, dump};

use crate::{FilterCall, TemplateError, py};

/// The input as YAML in a style that the call's arguments may change.
pub(crate) fn write(call: &FilterCall<'_>, mut style: DumpStyle) -> Result<Mj, TemplateError> {
    let number = |name: &str, value: &Mj| {
        if value.is_none() {
            return Ok(None);
        }
        py::as_index(value).map(|n| Some(i32::try_from(n).unwrap_or(i32::MAX))).ok_or_else(|| {
            TemplateError::type_error(format!("{name} must be an integer, not {}", py::type_name(value)))
        })
    };
    let indent = call.opt("indent").map(|indent| ("indent", indent));
    for (name, value) in indent.into_iter().chain(call.keywords().iter().map(|(name, value)| (&**name, value))) {
        match name {
            "indent" => style.indent = number(name, value)?,
            "width" => {
                // Any float stands for "do not break lines", `inf` above all.
                style.width = match value.as_str().and_then(|text| text.parse::<f64>().ok()).or(py::as_float(value)) {
                    Some(width) if width.is_infinite() => Some(i32::MAX),
                    _ => number(name, value)?,
                };
            }
            "default_flow_style" => style.flow = if value.is_none() { None } else { Some(py::truthy(value)?) },
            "sort_keys" => style.sort_keys = py::truthy(value)?,
            "allow_unicode" => style.allow_unicode = py::truthy(value)?,
            "explicit_start" => style.explicit_start = py::truthy(value)?,
            "explicit_end" => style.explicit_end = py::truthy(value)?,
            "canonical" => style.canonical = py::truthy(value)?,
            "default_style" => {
                style.scalars = match value.as_str() {
                    Some("'") => Some(Style::SingleQuoted),
                    Some("\"") => Some(Style::DoubleQuoted),
                    Some("|") => Some(Style::Literal),
                    Some(">") => Some(Style::Folded),
                    _ => None,
                };
            }
            // These choose an encoding of bytes or a dialect; the result is text of YAML 1.1 in any case.
            "vault_to_text" | "dump_vault_tags" | "encoding" | "line_break" | "version" | "tags" => {}
            other => {
                let message = format!("dump_all() got an unexpected keyword argument '{other}'");
                return Err(TemplateError::type_error(message));
            }
        }
    }
    let value = py::to_value(call.input())?;
    dump(&value, &style).map(py::text).map_err(|e| TemplateError::value_error(e.to_string()))
}
