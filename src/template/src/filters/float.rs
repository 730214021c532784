//! A number or numeric text as a float; what is none becomes `default` (0.0).

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_value::number::parse_float;

/// A number or numeric text as a float; what is none becomes `default` (0.0).
pub static FILTER: Filter = Filter {
    name: "float",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["default"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let number = match call.input().as_str() {
        Some(text) => parse_float(text).ok(),
        None => py::as_float(call.input()),
    };
    Ok(number.map_or_else(|| call.opt("default").cloned().unwrap_or_else(|| Mj::from(0.0)), Mj::from))
}
