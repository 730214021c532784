//! A serial number written as bytes with colons, as an integer.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_value::BigInt;

/// A serial number written as bytes with colons, as an integer.
pub static FILTER: Filter = Filter {
    name: "parse_serial",
    collection: "community.crypto",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let Some(text) = call.input().as_str() else {
        let name = py::type_name(call.input());
        let message = "The input for the community.crypto.parse_serial filter must be a string; got";
        return Err(call.error(format!("{message} <class '{name}'> instead")));
    };
    let mut number = BigInt::from(0);
    for (at, part) in text.split(':').enumerate() {
        let wrong = |why: String| {
            let (nth, shown) = (ordinal(at + 1), py::repr(&py::text(part)));
            call.error(format!("The {nth} part {shown} is not a hexadecimal number in range [0, 255]: {why}"))
        };
        let digits = part.trim();
        let byte = i64::from_str_radix(digits.strip_prefix("0x").unwrap_or(digits), 16)
            .map_err(|_| wrong(format!("invalid literal for int() with base 16: {}", py::repr(&py::text(part)))))?;
        if !(0..=255).contains(&byte) {
            return Err(wrong("the value is not in range [0, 255]".to_owned()));
        }
        number = number * 256 + byte;
    }
    Ok(py::int(number))
}

fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}
