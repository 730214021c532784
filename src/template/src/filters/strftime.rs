//! A time (now, or seconds since 1970) by a format, in the local zone or in UTC.

use crate::pytime::DateTime;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_value::number::parse_float;

/// A time (now, or seconds since 1970) by a format, in the local zone or in UTC.
pub static FILTER: Filter = Filter {
    name: "strftime",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["second", "utc"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let Some(format) = call.input().as_str().map(str::to_owned) else {
        let name = py::type_name(call.input());
        return Err(TemplateError::type_error(format!("strftime() argument 1 must be str, not {name}")));
    };
    let utc = call.bool("utc", false)?;
    let fail = |e: crate::pytime::TimeError| TemplateError::value_error(e.0);
    let at = match call.opt("second").filter(|second| !second.is_none()) {
        None => DateTime::now(utc).map_err(fail)?,
        Some(second) => {
            let number = py::as_float(second).or_else(|| second.as_str().and_then(|text| parse_float(text).ok()));
            let Some(number) = number else {
                return Err(call.error(format!("Invalid value for epoch value ({})", py::str(second))));
            };
            DateTime::at(number.floor() as i64, utc).map_err(fail)?
        }
    };
    // C's `strftime`, unlike the method of Python's dates, has no microseconds.
    Ok(py::text(at.strftime(&format.replace("%f", "%%f"))))
}
