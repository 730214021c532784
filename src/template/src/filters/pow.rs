//! A number to the power of another, as a float.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A number to the power of another, as a float.
pub static FILTER: Filter =
    Filter { name: "pow", collection: "ansible.builtin", aliases: &[], params: &["y"], accepts_undefined: false, run };

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let number = |value: &Mj| {
        py::as_float(value).ok_or_else(|| {
            let name = py::type_name(value);
            call.error(format!("pow() can only be used on numbers: must be real number, not {name}"))
        })
    };
    let (x, y) = (number(call.input())?, number(call.arg("y")?)?);
    let power = x.powf(y);
    if power.is_nan() && !x.is_nan() && !y.is_nan() {
        return Err(TemplateError::value_error("math domain error"));
    }
    if power.is_infinite() && x.is_finite() && y.is_finite() {
        return Err(TemplateError::value_error(if x == 0.0 { "math domain error" } else { "math range error" }));
    }
    Ok(Mj::from(power))
}
