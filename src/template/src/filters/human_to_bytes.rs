//! A size for people (`10M`, `2.5 GB`) as a number of bytes (or bits).

use crate::filters::sizes::{RANGES, full_name};
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_value::number::f64_to_int;

/// A size for people (`10M`, `2.5 GB`) as a number of bytes (or bits).
pub static FILTER: Filter = Filter {
    name: "human_to_bytes",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["default_unit", "isbits"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let whole = py::str(call.input());
    let bad = |call: &FilterCall<'_>, why: &str| {
        call.error(format!("human_to_bytes() can't interpret the input: human_to_bytes() {why}"))
    };
    let text = whole.trim_end();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let well_formed = number.matches('.').count() <= 1 && number.ends_with(|c: char| c.is_ascii_digit());
    let number: f64 = match number.parse() {
        Ok(number) if well_formed && unit.chars().all(|c| c.is_ascii_alphabetic()) => number,
        _ => return Err(bad(call, &format!("can't interpret following string: {whole}"))),
    };
    let default_unit = call.opt("default_unit").filter(|unit| !unit.is_none()).map(py::str);
    let unit = if unit.is_empty() { default_unit.as_deref() } else { Some(unit) };
    let bits = call.bool("isbits", false)?;
    let factor = match unit {
        None | Some("") => 1.0,
        Some(unit) => {
            let letter = unit.chars().next().unwrap_or('B').to_ascii_uppercase();
            let Some((_, factor)) = RANGES.iter().find(|(known, _)| *known == letter) else {
                let suffixes = "The suffix must be one of Y, Z, E, P, T, G, M, K, B";
                return Err(bad(call, &format!("failed to convert {whole} (unit = {unit}). {suffixes}")));
            };
            let short = match (letter, bits) {
                ('B', false) => "B".to_owned(),
                ('B', true) => "b".to_owned(),
                (letter, false) => format!("{letter}B"),
                (letter, true) => format!("{letter}b"),
            };
            if unit.len() > 1 && unit.to_lowercase() != full_name(letter, bits) && unit != short {
                let why = format!("Value is not a valid string (expected {short} or {letter})");
                return Err(bad(call, &format!("failed to convert {whole}. {why}")));
            }
            *factor
        }
    };
    Ok(f64_to_int((number * factor).round_ties_even()).map_or_else(py::none, py::from_value))
}
