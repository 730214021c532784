//! Arithmetic and concatenation.

use minijinja::Value as Mj;
use rplay_value::BigInt;

use super::{Kind, kind, limits, str_into, trip, type_name};
use crate::TemplateError;

/// A number taken apart for arithmetic.
enum Num {
    Int(i64),
    Big(BigInt),
    Float(f64),
}

impl Num {
    fn of(value: &Mj) -> Option<Self> {
        Some(match kind(value) {
            Kind::Int(i) => Self::Int(i),
            Kind::Bool(b) => Self::Int(i64::from(b)),
            Kind::Big(big) => Self::Big(big),
            Kind::Float(f) => Self::Float(f),
            _ => return None,
        })
    }

    fn float(&self) -> f64 {
        match self {
            Self::Int(i) => *i as f64,
            Self::Big(big) => big_to_float(big),
            Self::Float(f) => *f,
        }
    }

    fn is_float(&self) -> bool {
        matches!(self, Self::Float(_))
    }

    fn big(self) -> BigInt {
        match self {
            Self::Int(i) => BigInt::from(i),
            Self::Big(big) => big,
            Self::Float(f) => float_to_big(f).unwrap_or_default(),
        }
    }
}

/// The nearest float.
pub(crate) fn big_to_float(big: &BigInt) -> f64 {
    big.to_string().parse().unwrap_or(f64::INFINITY)
}

/// The integer part of a finite float.
pub(crate) fn float_to_big(f: f64) -> Option<BigInt> {
    if !f.is_finite() {
        return None;
    }
    format!("{:.0}", f.trunc()).parse().ok()
}

fn unsupported(symbol: &str, a: &Mj, b: &Mj) -> TemplateError {
    let message = format!("unsupported operand type(s) for {symbol}: '{}' and '{}'", type_name(a), type_name(b));
    let error = TemplateError::type_error(message);
    match (kind(a), kind(b)) {
        (Kind::Dict(_), Kind::Dict(_)) if symbol == "+" => error.hint("merge mappings with `a | combine(b)`"),
        (Kind::Str(_), _) | (_, Kind::Str(_)) => error.hint("convert text with `| int`, or join as text with `~`"),
        _ => error,
    }
}

fn both(a: &Mj, b: &Mj) -> Result<Option<(Num, Num)>, TemplateError> {
    trip(a)?;
    trip(b)?;
    Ok(Num::of(a).zip(Num::of(b)))
}

/// `a + b`: numbers, text, lists, tuples.
pub fn add(a: &Mj, b: &Mj) -> Result<Mj, TemplateError> {
    if let Some((x, y)) = both(a, b)? {
        return Ok(match (x, y) {
            (Num::Int(x), Num::Int(y)) => x.checked_add(y).map_or_else(|| super::int(BigInt::from(x) + y), Mj::from),
            (x, y) if x.is_float() || y.is_float() => Mj::from(x.float() + y.float()),
            (x, y) => super::int(x.big() + y.big()),
        });
    }
    Ok(match (kind(a), kind(b)) {
        (Kind::Str(x), Kind::Str(y)) => {
            limits::text(x.len() + y.len())?;
            let mut text = String::with_capacity(x.len() + y.len());
            text.push_str(x);
            text.push_str(y);
            Mj::from(text)
        }
        (Kind::List(x), Kind::List(y)) => {
            limits::list(x.len() + y.len())?;
            let mut items = x.copied();
            items.extend(y.copied());
            super::list(items)
        }
        (Kind::Tuple(x), Kind::Tuple(y)) => super::tuple(x.iter().chain(y.iter()).cloned().collect()),
        (Kind::Bytes(x), Kind::Bytes(y)) => Mj::from_bytes([x, y].concat()),
        (Kind::Object(x), _) => return x.add(b, false).unwrap_or_else(|| Err(unsupported("+", a, b))),
        (_, Kind::Object(y)) => return y.add(a, true).unwrap_or_else(|| Err(unsupported("+", a, b))),
        (Kind::Str(_), _) => {
            let message = format!("can only concatenate str (not \"{}\") to str", type_name(b));
            return Err(TemplateError::type_error(message).hint("convert with `| string`, or join as text with `~`"));
        }
        (Kind::List(_), _) => {
            let message = format!("can only concatenate list (not \"{}\") to list", type_name(b));
            return Err(TemplateError::type_error(message));
        }
        _ => return Err(unsupported("+", a, b)),
    })
}

/// `a + b + c ...` from left to right.
pub fn add_all(items: &[Mj]) -> Result<Mj, TemplateError> {
    let Some((first, rest)) = items.split_first() else { return Ok(Mj::from(0)) };
    rest.iter().try_fold(first.clone(), |sum, item| add(&sum, item))
}

/// `a - b`.
pub fn sub(a: &Mj, b: &Mj) -> Result<Mj, TemplateError> {
    match both(a, b)? {
        Some((Num::Int(x), Num::Int(y))) => {
            Ok(x.checked_sub(y).map_or_else(|| super::int(BigInt::from(x) - y), Mj::from))
        }
        Some((x, y)) if x.is_float() || y.is_float() => Ok(Mj::from(x.float() - y.float())),
        Some((x, y)) => Ok(super::int(x.big() - y.big())),
        None => match (kind(a), kind(b)) {
            (Kind::Object(x), _) => x.sub(b, false).unwrap_or_else(|| Err(unsupported("-", a, b))),
            (_, Kind::Object(y)) => y.sub(a, true).unwrap_or_else(|| Err(unsupported("-", a, b))),
            _ => Err(unsupported("-", a, b)),
        },
    }
}

/// `a * b`: numbers, or a sequence repeated.
pub fn mul(a: &Mj, b: &Mj) -> Result<Mj, TemplateError> {
    if let Some((x, y)) = both(a, b)? {
        return Ok(match (x, y) {
            (Num::Int(x), Num::Int(y)) => x.checked_mul(y).map_or_else(|| super::int(BigInt::from(x) * y), Mj::from),
            (x, y) if x.is_float() || y.is_float() => Mj::from(x.float() * y.float()),
            (x, y) => {
                let (x, y) = (x.big(), y.big());
                limits::number(x.bits() + y.bits())?;
                super::int(x * y)
            }
        });
    }
    let (sequence, times) = match (super::as_index(a), super::as_index(b)) {
        (_, Some(times)) => (a, times),
        (Some(times), _) => (b, times),
        _ => {
            let is_sequence = |value| matches!(kind(value), Kind::Str(_) | Kind::List(_) | Kind::Tuple(_));
            if is_sequence(a) || is_sequence(b) {
                let times = type_name(if is_sequence(a) { b } else { a });
                let message = format!("can't multiply sequence by non-int of type '{times}'");
                return Err(TemplateError::type_error(message));
            }
            return Err(unsupported("*", a, b));
        }
    };
    let times = usize::try_from(times).unwrap_or(0);
    Ok(match kind(sequence) {
        Kind::Str(s) => {
            limits::text(s.len().saturating_mul(times))?;
            Mj::from(s.repeat(times))
        }
        Kind::List(list) => {
            limits::list(list.len().saturating_mul(times))?;
            let items = list.items();
            super::list(items.iter().cycle().take(items.len() * times).cloned().collect())
        }
        Kind::Tuple(items) => {
            limits::list(items.len().saturating_mul(times))?;
            super::tuple(items.iter().cycle().take(items.len() * times).cloned().collect())
        }
        _ => return Err(unsupported("*", a, b)),
    })
}

fn zero(message: &str) -> TemplateError {
    TemplateError::value_error(message).hint("guard it with a condition on the divisor")
}

/// `a / b`.
pub fn div(a: &Mj, b: &Mj) -> Result<Mj, TemplateError> {
    match both(a, b)? {
        Some((x, y)) => {
            let by = y.float();
            if by == 0.0 {
                let float = x.is_float() || y.is_float();
                return Err(zero(if float { "float division by zero" } else { "division by zero" }));
            }
            Ok(Mj::from(x.float() / by))
        }
        None => Err(unsupported("/", a, b)),
    }
}

/// `a // b`, rounding down.
pub fn floor_div(a: &Mj, b: &Mj) -> Result<Mj, TemplateError> {
    Ok(match both(a, b)? {
        Some((_, y)) if y.float() == 0.0 => return Err(zero("integer division or modulo by zero")),
        Some((Num::Int(x), Num::Int(y))) if y != -1 => {
            Mj::from(x.div_euclid(y) - i64::from(x.rem_euclid(y) != 0 && y < 0))
        }
        Some((x, y)) if x.is_float() || y.is_float() => Mj::from((x.float() / y.float()).floor()),
        Some((x, y)) => super::int(big_div_mod(x.big(), &y.big()).0),
        None => return Err(unsupported("//", a, b)),
    })
}

fn big_div_mod(x: BigInt, y: &BigInt) -> (BigInt, BigInt) {
    let nil = BigInt::default();
    let (mut quotient, mut rest) = (&x / y, &x % y);
    if rest != nil && (rest < nil) != (*y < nil) {
        quotient -= 1;
        rest += y;
    }
    (quotient, rest)
}

/// `a % b`: the sign is the divisor's; text is formatted printf-style.
pub fn modulo(a: &Mj, b: &Mj) -> Result<Mj, TemplateError> {
    if let Some(format) = a.as_str() {
        trip(b)?;
        return super::percent(format, b).map(Mj::from);
    }
    Ok(match both(a, b)? {
        Some((x, y)) if y.float() == 0.0 => {
            let float = x.is_float() || y.is_float();
            return Err(zero(if float { "float modulo" } else { "integer modulo by zero" }));
        }
        Some((Num::Int(x), Num::Int(y))) => {
            let rest = x.wrapping_rem(y);
            Mj::from(if rest != 0 && (rest < 0) != (y < 0) { rest + y } else { rest })
        }
        Some((x, y)) if x.is_float() || y.is_float() => {
            let (x, y) = (x.float(), y.float());
            let rest = x % y;
            Mj::from(if rest != 0.0 && (rest < 0.0) != (y < 0.0) { rest + y } else { rest })
        }
        Some((x, y)) => super::int(big_div_mod(x.big(), &y.big()).1),
        None => return Err(unsupported("%", a, b)),
    })
}

/// `a ** b`.
pub fn pow(a: &Mj, b: &Mj) -> Result<Mj, TemplateError> {
    let Some((x, y)) = both(a, b)? else { return Err(unsupported("** or pow()", a, b)) };
    if x.is_float() || y.is_float() || y.float() < 0.0 {
        let (x, y) = (x.float(), y.float());
        if x == 0.0 && y < 0.0 {
            return Err(zero("0.0 cannot be raised to a negative power"));
        }
        return Ok(Mj::from(x.powf(y)));
    }
    let exponent = match y {
        Num::Int(y) => u32::try_from(y).ok().filter(|y| *y <= 100_000),
        _ => None,
    };
    let Some(exponent) = exponent else {
        return Err(TemplateError::value_error("the exponent is too large"));
    };
    let bits = match &x {
        Num::Big(x) => x.bits(),
        Num::Int(x) => u64::from(64 - x.unsigned_abs().leading_zeros()),
        Num::Float(_) => 64,
    };
    limits::number(bits.saturating_mul(u64::from(exponent)))?;
    Ok(match x {
        Num::Int(x) => match x.checked_pow(exponent) {
            Some(power) => Mj::from(power),
            None => super::int(BigInt::from(x).pow(exponent)),
        },
        x => super::int(x.big().pow(exponent)),
    })
}

/// `-a`.
pub fn neg(a: &Mj) -> Result<Mj, TemplateError> {
    trip(a)?;
    match Num::of(a) {
        Some(Num::Int(i)) => Ok(i.checked_neg().map_or_else(|| super::int(-BigInt::from(i)), Mj::from)),
        Some(Num::Float(f)) => Ok(Mj::from(-f)),
        Some(Num::Big(big)) => Ok(super::int(-big)),
        None => Err(TemplateError::type_error(format!("bad operand type for unary -: '{}'", type_name(a)))),
    }
}

/// `+a`.
pub fn pos(a: &Mj) -> Result<Mj, TemplateError> {
    trip(a)?;
    match Num::of(a) {
        Some(Num::Int(i)) => Ok(Mj::from(i)),
        Some(_) => Ok(a.clone()),
        None => Err(TemplateError::type_error(format!("bad operand type for unary +: '{}'", type_name(a)))),
    }
}

/// `a ~ b ~ c`: everything as text.
pub fn concat(items: &[Mj]) -> Result<Mj, TemplateError> {
    let mut out = String::new();
    for item in items {
        trip(item)?;
        str_into(item, &mut out);
        limits::text(out.len())?;
    }
    Ok(Mj::from(out))
}
