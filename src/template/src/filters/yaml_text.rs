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
    let (mut directive, mut line_break) = (String::new(), "\n");
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
            "allow_unicode" => {
                let message = "yaml.dump() got multiple values for keyword argument 'allow_unicode'";
                return Err(TemplateError::type_error(message).hint("it is always on: leave `allow_unicode` out"));
            }
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
            "line_break" => {
                line_break = match value.as_str() {
                    Some("\r") => "\r",
                    Some("\r\n") => "\r\n",
                    _ => "\n",
                }
            }
            "version" if value.is_none() => {}
            "version" => {
                let parts: Vec<_> = py::iterate(value)?.iter().map(py::as_index).collect();
                let [Some(1), Some(minor @ 1..=2)] = parts[..] else {
                    let error = TemplateError::value_error("incompatible %YAML directive");
                    return Err(error.hint("`version` is [1, 1] or [1, 2]"));
                };
                directive = format!("%YAML 1.{minor}\n");
                style.explicit_start = true;
            }
            "encoding" | "stream" if value.is_none() => {}
            "tags" if !py::truthy(value)? => {}
            "encoding" | "stream" | "tags" => {
                let message = format!("{} does not support {name}={}", call.name(), py::repr(value));
                return Err(TemplateError::value_error(message).hint(format!("leave `{name}` out: the result is text")));
            }
            other => {
                let message = format!("dump_all() got an unexpected keyword argument '{other}'");
                return Err(TemplateError::type_error(message));
            }
        }
    }
    let value = py::to_value(call.input())?;
    let text = dump(&value, &style).map_err(|e| TemplateError::value_error(e.to_string()))?;
    let text = if directive.is_empty() { text } else { directive + &text };
    Ok(py::text(if line_break == "\n" { text } else { text.replace('\n', line_break) }))
}
