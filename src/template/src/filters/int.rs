//! A number or numeric text as an integer; what is none becomes `default` (0). `base` is that of text.

use crate::py::Kind;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_value::number::{f64_to_int, parse_float, parse_int};

/// A number or numeric text as an integer; what is none becomes `default` (0). `base` is that of text.
pub static FILTER: Filter = Filter {
    name: "int",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["default", "base"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let default = || call.opt("default").cloned().unwrap_or_else(|| Mj::from(0));
    let whole = |number: f64| f64_to_int(number).map(py::from_value);
    Ok(match py::kind(call.input()) {
        Kind::Str(text) => {
            let base = u32::try_from(call.int("base", 10)?).unwrap_or(1);
            match parse_int(text, base) {
                Ok(number) => py::from_value(number),
                Err(_) => parse_float(text).ok().and_then(whole).unwrap_or_else(default),
            }
        }
        Kind::Bool(b) => Mj::from(i64::from(b)),
        Kind::Int(_) | Kind::Big(_) => call.input().clone(),
        Kind::Float(number) if number.is_infinite() => {
            return Err(TemplateError::value_error("cannot convert float infinity to integer"));
        }
        Kind::Float(number) => whole(number).unwrap_or_else(default),
        _ => default(),
    })
}
