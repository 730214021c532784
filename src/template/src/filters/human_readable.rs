//! A number of bytes (or bits) for people: `1.00 GB`.

use crate::filters::sizes::RANGES;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A number of bytes (or bits) for people: `1.00 GB`.
pub static FILTER: Filter = Filter {
    name: "human_readable",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["isbits", "unit"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let Some(size) = py::as_float(call.input()) else {
        let name = py::type_name(call.input());
        let why = format!("'>=' not supported between instances of '{name}' and 'int'");
        return Err(call.error(format!("human_readable() failed on bad input: {why}")));
    };
    let base = if call.bool("isbits", false)? { "bits" } else { "Bytes" };
    let unit = call.opt("unit").filter(|unit| !unit.is_none()).map(|unit| py::str(unit).to_uppercase());
    let fits = |(letter, limit): &&(char, f64)| match &unit {
        None => size >= *limit,
        Some(unit) => unit.len() == 1 && unit.starts_with(*letter),
    };
    let (letter, limit) = RANGES.iter().find(fits).copied().unwrap_or(('B', 1.0));
    let suffix = if letter == 'B' { base.to_owned() } else { format!("{letter}{}", &base[..1]) };
    Ok(py::text(format!("{:.2} {suffix}", size / limit)))
}
