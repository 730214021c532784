//! The square root, or the one of another degree.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The square root, or the one of another degree.
pub static FILTER: Filter = Filter {
    name: "root",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["base"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let bad = |why: &str| call.error(format!("root() can only be used on numbers: {why}"));
    let no_number = |value: &Mj| bad(&format!("must be real number, not {}", py::type_name(value)));
    let x = py::as_float(call.input()).ok_or_else(|| no_number(call.input()))?;
    let base = call.opt("base").map_or(Ok(2.0), |base| {
        py::as_float(base)
            .or_else(|| base.as_str().and_then(|text| text.trim().parse().ok()))
            .ok_or_else(|| no_number(base))
    })?;
    let root = if base.to_bits() == 2_f64.to_bits() { x.sqrt() } else { x.powf(1.0 / base) };
    if root.is_nan() && !x.is_nan() { Err(bad("math domain error")) } else { Ok(Mj::from(root)) }
}
