//! A number rounded to `precision` digits: `common` (half to even, as Python), `ceil` or `floor`.

use crate::py::Kind;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_value::BigInt;

/// A number rounded to `precision` digits: `common` (half to even, as Python), `ceil` or `floor`.
pub static FILTER: Filter = Filter {
    name: "round",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["precision", "method"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let method = call.text_or("method", "common")?;
    let digits = call.int("precision", 0)?;
    let input = call.input();
    let Some(number) = py::as_float(input) else {
        let message = format!("type {} doesn't define __round__ method", py::type_name(input));
        return Err(TemplateError::type_error(message));
    };
    match &*method {
        "common" => {}
        "ceil" | "floor" => {
            let scale = 10_f64.powi(i32::try_from(digits).unwrap_or(i32::MAX));
            let scaled = number * scale;
            let whole = if &*method == "ceil" { scaled.ceil() } else { scaled.floor() };
            return Ok(Mj::from(whole / scale));
        }
        _ => return Err(call.error("method must be common, ceil or floor")),
    }
    let whole = match py::kind(input) {
        Kind::Int(int) => Some(BigInt::from(int)),
        Kind::Bool(b) => Some(BigInt::from(u8::from(b))),
        Kind::Big(big) => Some(big),
        _ => None,
    };
    let Some(whole) = whole else { return Ok(Mj::from(round_float(number, digits))) };
    if digits >= 0 {
        return Ok(py::int(whole));
    }
    let unit = BigInt::from(10).pow(u32::try_from(-digits).unwrap_or(u32::MAX).min(400));
    let lower = floor_div(&whole, &unit);
    let rest = &whole - &lower * &unit;
    let twice = &rest * 2;
    let up = twice > unit || twice == unit && &lower % 2 != BigInt::from(0);
    Ok(py::int((lower + i32::from(up)) * unit))
}

fn floor_div(a: &BigInt, b: &BigInt) -> BigInt {
    let quotient = a / b;
    if (a % b) < BigInt::from(0) { quotient - 1 } else { quotient }
}

/// Correctly rounded, half to even on the exact value, as `float.__round__`.
fn round_float(number: f64, digits: i64) -> f64 {
    if !number.is_finite() || digits > 323 {
        return number;
    }
    if digits >= 0 {
        let digits = usize::try_from(digits).unwrap_or(0);
        return format!("{number:.digits$}").parse().unwrap_or(number);
    }
    let scale = 10_f64.powi(i32::try_from(-digits).unwrap_or(i32::MAX));
    if scale.is_infinite() {
        return 0.0;
    }
    (number / scale).round_ties_even() * scale
}
