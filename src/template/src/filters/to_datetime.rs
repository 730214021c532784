//! A text as a date, by a format (`%Y-%m-%d %H:%M:%S`).

use crate::pytime::strptime;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_value::Value;

/// A text as a date, by a format (`%Y-%m-%d %H:%M:%S`).
pub static FILTER: Filter = Filter {
    name: "to_datetime",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["format"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let Some(text) = call.input().as_str() else {
        let message = format!("strptime() argument 1 must be str, not {}", py::type_name(call.input()));
        return Err(TemplateError::type_error(message));
    };
    if let Some(format) = call.opt("format").filter(|format| format.as_str().is_none()) {
        let message = format!("strptime() argument 2 must be str, not {}", py::type_name(format));
        return Err(TemplateError::type_error(message));
    }
    let format = call.text_or("format", "%Y-%m-%d %H:%M:%S")?;
    let fail = |e: crate::pytime::TimeError| TemplateError::value_error(e.0);
    let time = strptime(text, &format).and_then(|date| date.time()).map_err(fail)?;
    Ok(py::from_value(Value::Time(time)))
}
