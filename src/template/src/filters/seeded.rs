//! The generator that the random filters use.

use minijinja::Value as Mj;
use rplay_value::BigInt;

use crate::TemplateError;
use crate::py::{self, Kind};
use crate::pyrandom::Random;

/// A generator seeded as CPython's `Random(seed)`; without a seed, the system's.
pub(crate) fn random(seed: Option<&Mj>) -> Result<Random, TemplateError> {
    let Some(seed) = seed else { return Ok(Random::System) };
    Ok(match py::kind(seed) {
        Kind::None => Random::System,
        Kind::Bool(b) => Random::from_int(&BigInt::from(u8::from(b))),
        Kind::Int(i) => Random::from_int(&BigInt::from(i)),
        Kind::Big(big) => Random::from_int(&big),
        Kind::Float(f) => Random::from_int(&BigInt::from(float_hash(f))),
        Kind::Str(text) => Random::from_text(text),
        _ => {
            let message = "The only supported seed types are: None,\nint, float, str, bytes, and bytearray.";
            return Err(TemplateError::type_error(message));
        }
    })
}

/// CPython's hash of a float: its value modulo the prime 2^61 - 1.
fn float_hash(number: f64) -> u64 {
    const BITS: i32 = 61;
    const PRIME: u64 = (1 << BITS) - 1;
    if !number.is_finite() {
        return if number.is_nan() { 0 } else { 314_159 };
    }
    if number == 0.0 {
        return 0;
    }
    // Split into a fraction in [0.5, 1) and an exponent.
    let mut exponent = 0_i32;
    let mut fraction = number.abs();
    while fraction >= 1.0 {
        fraction /= 2.0;
        exponent += 1;
    }
    while fraction < 0.5 {
        fraction *= 2.0;
        exponent -= 1;
    }
    let mut hash = 0_u64;
    while fraction != 0.0 {
        hash = ((hash << 28) & PRIME) | hash >> (BITS - 28);
        fraction *= 268_435_456.0;
        exponent -= 28;
        let digit = fraction as u64;
        fraction -= digit as f64;
        hash += digit;
        if hash >= PRIME {
            hash -= PRIME;
        }
    }
    let shift = exponent.rem_euclid(BITS);
    let hash = ((hash << shift) & PRIME) | hash >> (BITS - shift);
    // A negative hash is seen as unsigned by the generator.
    if number < 0.0 { (hash as i64).wrapping_neg() as u64 } else { hash }
}
