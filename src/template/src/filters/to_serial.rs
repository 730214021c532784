//! An integer as a serial number: its bytes with colons.

use crate::py::Kind;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_value::BigInt;

/// An integer as a serial number: its bytes with colons.
pub static FILTER: Filter = Filter {
    name: "to_serial",
    collection: "community.crypto",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let number = match py::kind(call.input()) {
        Kind::Int(number) => BigInt::from(number),
        Kind::Bool(number) => BigInt::from(u8::from(number)),
        Kind::Big(number) => number,
        _ => {
            let name = py::type_name(call.input());
            let message = "The input for the community.crypto.to_serial filter must be an integer; got";
            return Err(call.error(format!("{message} <class '{name}'> instead")));
        }
    };
    if number < BigInt::from(0) {
        return Err(call.error("The input for the community.crypto.to_serial filter must not be negative"));
    }
    let digits = number.to_str_radix(16).to_uppercase();
    let digits = if digits.len() % 2 == 0 { digits } else { format!("0{digits}") };
    let mut out = String::with_capacity(digits.len() * 3 / 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && at % 2 == 0 {
            out.push(':');
        }
        out.push(digit);
    }
    Ok(py::text(out))
}
