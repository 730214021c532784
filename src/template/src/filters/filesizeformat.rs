//! A number of bytes for people: `13 kB`, with `binary` `13 KiB`.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_value::number::parse_float;

/// A number of bytes for people: `13 kB`, with `binary` `13 KiB`.
pub static FILTER: Filter = Filter {
    name: "filesizeformat",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["binary"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let bytes = match (py::as_float(call.input()), call.input().as_str()) {
        (Some(bytes), _) => bytes,
        (None, Some(text)) => parse_float(text).map_err(|e| TemplateError::value_error(e.to_string()))?,
        _ => return Err(TemplateError::type_error("float() argument must be a string or a real number")),
    };
    let binary = call.bool("binary", false)?;
    let base: f64 = if binary { 1024.0 } else { 1000.0 };
    let names = if binary {
        ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"]
    } else {
        ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"]
    };
    if bytes.to_bits() == 1_f64.to_bits() {
        return Ok(py::text("1 Byte"));
    }
    if bytes < base {
        return Ok(py::text(format!("{} Bytes", bytes as i64)));
    }
    let mut unit = base;
    for name in names {
        unit *= base;
        if bytes < unit || name.starts_with('Y') {
            return Ok(py::text(format!("{:.1} {name}", base * bytes / unit)));
        }
    }
    Ok(py::none())
}
