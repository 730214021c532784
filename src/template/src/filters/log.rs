//! The natural logarithm, or the one to a base.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The natural logarithm, or the one to a base.
pub static FILTER: Filter = Filter {
    name: "log",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["base"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let number = |value: &Mj| {
        py::as_float(value).ok_or_else(|| {
            let name = py::type_name(value);
            call.error(format!("log() can only be used on numbers: must be real number, not {name}"))
        })
    };
    let x = number(call.input())?;
    let domain = || TemplateError::value_error("math domain error");
    if x <= 0.0 {
        return Err(domain());
    }
    let Some(base) = call.opt("base") else { return Ok(Mj::from(x.ln())) };
    let base = number(base)?;
    if base.to_bits() == 10_f64.to_bits() {
        return Ok(Mj::from(x.log10()));
    }
    if base <= 0.0 {
        return Err(domain());
    }
    if base.ln() == 0.0 {
        return Err(TemplateError::value_error("float division by zero"));
    }
    Ok(Mj::from(x.ln() / base.ln()))
}
