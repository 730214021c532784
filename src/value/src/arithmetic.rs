//! Python's operators on values.

use num_bigint::{BigInt, Sign};

use crate::error::{Raised, ValueError};
use crate::number::big_to_f64;
use crate::order::Numeric;
use crate::{List, Text, Value};

/// Results larger than this many bits, characters or items are refused instead of exhausting memory.
const LARGEST: u64 = 1 << 28;

type Result = std::result::Result<Value, ValueError>;

/// Two numbers brought to a common type.
enum Pair {
    Small(i64, i64),
    Big(BigInt, BigInt),
    Float(f64, f64),
}

impl Pair {
    /// `None` unless both are numbers.
    fn of(a: &Value, b: &Value) -> Option<std::result::Result<Self, ValueError>> {
        let (a, b) = (Numeric::of(a)?, Numeric::of(b)?);
        Some(Ok(match (a, b) {
            (Numeric::Int(a), Numeric::Int(b)) => Self::Small(a, b),
            (Numeric::Float(a), Numeric::Float(b)) => Self::Float(a, b),
            (Numeric::Float(a), b) => match float(&b) {
                Ok(b) => Self::Float(a, b),
                Err(error) => return Some(Err(error)),
            },
            (a, Numeric::Float(b)) => match float(&a) {
                Ok(a) => Self::Float(a, b),
                Err(error) => return Some(Err(error)),
            },
            (a, b) => Self::Big(big(&a), big(&b)),
        }))
    }
}

fn float(number: &Numeric<'_>) -> std::result::Result<f64, ValueError> {
    match number {
        Numeric::Int(i) => Ok(*i as f64),
        Numeric::Float(f) => Ok(*f),
        Numeric::Big(b) => {
            let float = big_to_f64(b);
            if float.is_infinite() {
                return Err(ValueError::new(Raised::Overflow, "int too large to convert to float"));
            }
            Ok(float)
        }
    }
}

fn big(number: &Numeric<'_>) -> BigInt {
    match number {
        Numeric::Int(i) => BigInt::from(*i),
        Numeric::Big(b) => (*b).clone(),
        Numeric::Float(_) => BigInt::ZERO,
    }
}

fn unsupported(symbol: &str, a: &Value, b: &Value) -> ValueError {
    let (a, b) = (a.type_name(), b.type_name());
    ValueError::type_error(format!("unsupported operand type(s) for {symbol}: '{a}' and '{b}'"))
}

fn zero(message: &str) -> ValueError {
    ValueError::new(Raised::ZeroDivision, message)
}

impl Value {
    /// `self + other`. Joined text is trusted as a template only when both parts are.
    pub fn add(&self, other: &Self) -> Result {
        if let Some(pair) = Pair::of(self, other) {
            return Ok(match pair? {
                Pair::Small(a, b) => a.checked_add(b).map_or_else(|| (i128::from(a) + i128::from(b)).into(), Self::Int),
                Pair::Big(a, b) => Self::from_bigint(a + b),
                Pair::Float(a, b) => Self::Float(a + b),
            });
        }
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Ok(Self::Text(concat(a, b))),
            (Self::Text(_), b) => {
                Err(ValueError::type_error(format!("can only concatenate str (not \"{}\") to str", b.type_name())))
            }
            (Self::List(a), Self::List(b)) => {
                let mut items = Vec::with_capacity(a.len() + b.len());
                items.extend_from_slice(a);
                items.extend_from_slice(b);
                Ok(Self::List(items.into()))
            }
            (Self::List(_), b) => {
                Err(ValueError::type_error(format!("can only concatenate list (not \"{}\") to list", b.type_name())))
            }
            (Self::Time(a), Self::Time(b)) => a.plus(b).map(Self::Time).ok_or_else(|| unsupported("+", self, other)),
            _ => Err(unsupported("+", self, other)),
        }
    }

    /// `self - other`.
    pub fn subtract(&self, other: &Self) -> Result {
        if let Some(pair) = Pair::of(self, other) {
            return Ok(match pair? {
                Pair::Small(a, b) => a.checked_sub(b).map_or_else(|| (i128::from(a) - i128::from(b)).into(), Self::Int),
                Pair::Big(a, b) => Self::from_bigint(a - b),
                Pair::Float(a, b) => Self::Float(a - b),
            });
        }
        if let (Self::Time(a), Self::Time(b)) = (self, other) {
            if let Some(time) = a.minus(b) {
                return Ok(Self::Time(time));
            }
            if a.type_name() == b.type_name() && a.type_name() == "datetime.datetime" {
                return Err(ValueError::type_error("can't subtract offset-naive and offset-aware datetimes"));
            }
        }
        Err(unsupported("-", self, other))
    }

    /// `self * other`: numbers, or a text or list repeated.
    pub fn multiply(&self, other: &Self) -> Result {
        if let Some(pair) = Pair::of(self, other) {
            return Ok(match pair? {
                Pair::Small(a, b) => a.checked_mul(b).map_or_else(|| (i128::from(a) * i128::from(b)).into(), Self::Int),
                Pair::Big(a, b) => Self::from_bigint(a * b),
                Pair::Float(a, b) => Self::Float(a * b),
            });
        }
        let (sequence, count) = match (self, other) {
            (Self::Text(_) | Self::List(_), count) => (self, count),
            (count, Self::Text(_) | Self::List(_)) => (other, count),
            _ => return Err(unsupported("*", self, other)),
        };
        let count = match count {
            Self::Bool(b) => u64::from(*b),
            Self::Int(i) => u64::try_from(*i).unwrap_or(0),
            Self::Big(big) if big.sign() == Sign::Minus => 0,
            Self::Big(_) => u64::MAX,
            other => {
                let name = other.type_name();
                return Err(ValueError::type_error(format!("can't multiply sequence by non-int of type '{name}'")));
            }
        };
        let too_large = |len: usize| (len as u64).saturating_mul(count) > LARGEST;
        match sequence {
            Self::Text(text) if !too_large(text.len()) => {
                let repeated = text.repeat(count as usize);
                Ok(Self::Text(if text.is_trusted() { Text::trusted(repeated) } else { Text::data(repeated) }))
            }
            Self::List(list) if !too_large(list.len()) => {
                let copies = std::iter::repeat_n(list, count as usize);
                Ok(Self::List(copies.flat_map(|list| list.iter().cloned()).collect::<List>()))
            }
            _ => Err(ValueError::new(Raised::Overflow, "repeated sequence is too large")),
        }
    }

    /// `self / other`: always a float.
    pub fn divide(&self, other: &Self) -> Result {
        let Some(pair) = Pair::of(self, other) else {
            return Err(unsupported("/", self, other));
        };
        match pair? {
            Pair::Small(_, 0) => Err(zero("division by zero")),
            Pair::Small(a, b) if a.unsigned_abs() < 1 << 53 && b.unsigned_abs() < 1 << 53 => {
                Ok((a as f64 / b as f64).into())
            }
            Pair::Small(a, b) => true_divide(&a.into(), &b.into()),
            Pair::Big(_, b) if b == BigInt::ZERO => Err(zero("division by zero")),
            Pair::Big(a, b) => true_divide(&a, &b),
            Pair::Float(_, 0.0) => Err(zero("float division by zero")),
            Pair::Float(a, b) => Ok((a / b).into()),
        }
    }

    /// `self // other`: rounds towards minus infinity.
    pub fn floor_divide(&self, other: &Self) -> Result {
        let Some(pair) = Pair::of(self, other) else {
            return Err(unsupported("//", self, other));
        };
        match pair? {
            Pair::Small(_, 0) => Err(zero("integer division or modulo by zero")),
            Pair::Small(a, b) => Ok(floor_div_mod(i128::from(a), i128::from(b)).0.into()),
            Pair::Big(_, b) if b == BigInt::ZERO => Err(zero("integer division or modulo by zero")),
            Pair::Big(a, b) => Ok(Self::from_bigint(big_div_mod(&a, &b).0)),
            Pair::Float(_, 0.0) => Err(zero("float floor division by zero")),
            Pair::Float(a, b) => Ok(float_floor_div(a, b).into()),
        }
    }

    /// `self % other` for numbers: the result has the sign of the divisor.
    ///
    /// A text on the left means printf-style formatting in Python; that is the template crate's, and refused here.
    pub fn modulo(&self, other: &Self) -> Result {
        let Some(pair) = Pair::of(self, other) else {
            return Err(unsupported("%", self, other));
        };
        match pair? {
            Pair::Small(_, 0) => Err(zero("integer modulo by zero")),
            Pair::Small(a, b) => Ok(floor_div_mod(i128::from(a), i128::from(b)).1.into()),
            Pair::Big(_, b) if b == BigInt::ZERO => Err(zero("integer modulo by zero")),
            Pair::Big(a, b) => Ok(Self::from_bigint(big_div_mod(&a, &b).1)),
            Pair::Float(_, 0.0) => Err(zero("float modulo")),
            Pair::Float(a, b) => Ok(float_mod(a, b).into()),
        }
    }

    /// `self ** other`: integers stay integers unless the exponent is negative.
    pub fn power(&self, other: &Self) -> Result {
        let Some(pair) = Pair::of(self, other) else {
            return Err(unsupported("** or pow()", self, other));
        };
        match pair? {
            Pair::Small(base, exponent @ 0..) => {
                let exponent = u32::try_from(exponent).unwrap_or(u32::MAX);
                if let Some(small) = base.checked_pow(exponent) {
                    return Ok(small.into());
                }
                big_power(&base.into(), exponent)
            }
            Pair::Small(a, b) => float_power(a as f64, b as f64),
            Pair::Big(base, exponent) => match u32::try_from(&exponent) {
                Ok(exponent) => big_power(&base, exponent),
                Err(_) if exponent.sign() == Sign::Minus => float_power(big_to_f64(&base), big_to_f64(&exponent)),
                Err(_) => big_power(&base, u32::MAX),
            },
            Pair::Float(a, b) => float_power(a, b),
        }
    }

    /// `-self`.
    pub fn negate(&self) -> Result {
        match self {
            Self::Bool(b) => Ok(Self::Int(-i64::from(*b))),
            Self::Int(i) => Ok(i.checked_neg().map_or_else(|| (-i128::from(*i)).into(), Self::Int)),
            Self::Big(big) => Ok(Self::from_bigint(-big.as_ref())),
            Self::Float(f) => Ok(Self::Float(-f)),
            Self::Time(crate::Time::Delta(delta)) => Ok(crate::Time::Delta(-*delta).into()),
            other => Err(ValueError::type_error(format!("bad operand type for unary -: '{}'", other.type_name()))),
        }
    }

    /// `+self`.
    pub fn plus(&self) -> Result {
        match self {
            Self::Bool(b) => Ok(Self::Int(i64::from(*b))),
            Self::Int(_) | Self::Big(_) | Self::Float(_) | Self::Time(crate::Time::Delta(_)) => Ok(self.clone()),
            other => Err(ValueError::type_error(format!("bad operand type for unary +: '{}'", other.type_name()))),
        }
    }
}

/// Two texts joined: trusted when both are, placed where the first was written.
fn concat(a: &Text, b: &Text) -> Text {
    let mut joined = String::with_capacity(a.len() + b.len());
    joined.push_str(a);
    joined.push_str(b);
    let text = if a.is_trusted() && b.is_trusted() { Text::trusted(joined) } else { Text::data(joined) };
    text.with_origin(a.origin().or(b.origin()))
}

fn floor_div_mod(a: i128, b: i128) -> (i128, i128) {
    let (quotient, rest) = (a / b, a % b);
    if rest != 0 && (rest < 0) != (b < 0) { (quotient - 1, rest + b) } else { (quotient, rest) }
}

fn big_div_mod(a: &BigInt, b: &BigInt) -> (BigInt, BigInt) {
    let (quotient, rest) = (a / b, a % b);
    if rest != BigInt::ZERO && (rest.sign() == Sign::Minus) != (b.sign() == Sign::Minus) {
        (quotient - 1, rest + b)
    } else {
        (quotient, rest)
    }
}

fn float_floor_div(a: f64, b: f64) -> f64 {
    let rest = a % b;
    let mut quotient = (a - rest) / b;
    if rest != 0.0 && (rest < 0.0) != (b < 0.0) {
        quotient -= 1.0;
    }
    if quotient == 0.0 {
        return 0.0_f64.copysign(a / b);
    }
    let floor = quotient.floor();
    if quotient - floor > 0.5 { floor + 1.0 } else { floor }
}

fn float_mod(a: f64, b: f64) -> f64 {
    let rest = a % b;
    if rest == 0.0 {
        return 0.0_f64.copysign(b);
    }
    if (rest < 0.0) == (b < 0.0) { rest } else { rest + b }
}

/// Correctly rounded quotient of integers of any size.
fn true_divide(a: &BigInt, b: &BigInt) -> Result {
    let shift = 66 + b.bits() as i64 - a.bits() as i64;
    let (numerator, denominator) = if shift >= 0 { (a << shift, b.clone()) } else { (a.clone(), b << -shift) };
    // 66 or more bits of quotient, the rest folded into the lowest one: enough to round once and right.
    let mut quotient = &numerator / &denominator;
    let exact = &quotient * &denominator == numerator;
    quotient <<= 1;
    if !exact {
        quotient += 1;
    }
    let mut result = big_to_f64(&quotient);
    let mut left = -(shift + 1);
    while left != 0 {
        let step = left.clamp(-1000, 1000);
        result *= 2.0_f64.powi(step as i32);
        left -= step;
        if result == 0.0 {
            break;
        }
        if result.is_infinite() {
            return Err(ValueError::new(Raised::Overflow, "integer division result too large for a float"));
        }
    }
    Ok(result.into())
}

fn big_power(base: &BigInt, exponent: u32) -> Result {
    if base.bits().saturating_mul(u64::from(exponent)) > LARGEST && base.bits() > 1 {
        return Err(ValueError::new(Raised::Overflow, "power is too large"));
    }
    if base.bits() <= 1 {
        // -1, 0 and 1 to any power.
        let odd = exponent % 2 == 1;
        return Ok(Value::from_bigint(if odd || *base == BigInt::ZERO { base.clone() } else { BigInt::from(1) }));
    }
    Ok(Value::from_bigint(base.pow(exponent)))
}

fn float_power(base: f64, exponent: f64) -> Result {
    if base == 0.0 && exponent < 0.0 {
        return Err(zero("0.0 cannot be raised to a negative power"));
    }
    if base < 0.0 && base.is_finite() && exponent.is_finite() && exponent.fract() != 0.0 {
        return Err(ValueError::invalid("a negative number raised to a fraction is complex, which is not supported"));
    }
    let result = base.powf(exponent);
    if result.is_infinite() && base.is_finite() && exponent.is_finite() {
        return Err(ValueError::new(Raised::Overflow, "(34, 'Numerical result out of range')"));
    }
    Ok(result.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Map;

    type Op = fn(&Value, &Value) -> Result;

    fn show(op: Op, a: impl Into<Value>, b: impl Into<Value>) -> String {
        match op(&a.into(), &b.into()) {
            Ok(value) => value.repr(),
            Err(error) => format!("{}: {error}", error.kind),
        }
    }

    /// Every expectation was printed by Python 3.11.
    #[test]
    fn operators_are_pythons() {
        let big = || Value::from_bigint(BigInt::from(10).pow(30));
        let list = || Value::from(vec![1]);
        for (got, want) in [
            (show(Value::add, 1, "a"), "TypeError: unsupported operand type(s) for +: 'int' and 'str'"),
            (show(Value::add, "a", 1), "TypeError: can only concatenate str (not \"int\") to str"),
            (show(Value::add, list(), 1), "TypeError: can only concatenate list (not \"int\") to list"),
            (show(Value::add, Value::Null, 1), "TypeError: unsupported operand type(s) for +: 'NoneType' and 'int'"),
            (
                show(Value::add, Map::new(), Map::new()),
                "TypeError: unsupported operand type(s) for +: 'dict' and 'dict'",
            ),
            (show(Value::add, true, true), "2"),
            (show(Value::add, i64::MAX, 1), "9223372036854775808"),
            (
                show(Value::add, Value::from_bigint(BigInt::from(10).pow(400)), 1.0),
                "OverflowError: int too large to convert to float",
            ),
            (show(Value::subtract, "a", 1), "TypeError: unsupported operand type(s) for -: 'str' and 'int'"),
            (show(Value::multiply, "a", "b"), "TypeError: can't multiply sequence by non-int of type 'str'"),
            (show(Value::multiply, 1.5, "a"), "TypeError: can't multiply sequence by non-int of type 'float'"),
            (show(Value::multiply, 3, "ab"), "'ababab'"),
            (show(Value::multiply, -1, list()), "[]"),
            (show(Value::multiply, Map::new(), 2), "TypeError: unsupported operand type(s) for *: 'dict' and 'int'"),
            (show(Value::multiply, big(), 1.5), "1.5000000000000002e+30"),
            (show(Value::multiply, "a", i64::MAX), "OverflowError: repeated sequence is too large"),
            (show(Value::divide, 1, 0), "ZeroDivisionError: division by zero"),
            (show(Value::divide, 1.0, 0), "ZeroDivisionError: float division by zero"),
            (show(Value::divide, 6, 2), "3.0"),
            (show(Value::divide, big(), 3), "3.333333333333333e+29"),
            (
                show(Value::divide, Value::from_bigint(BigInt::from(10).pow(400)), 1),
                "OverflowError: integer division result too large for a float",
            ),
            (show(Value::divide, i64::MAX, 3), "3.0744573456182584e+18"),
            (show(Value::floor_divide, 1, 0), "ZeroDivisionError: integer division or modulo by zero"),
            (show(Value::floor_divide, 1.0, 0), "ZeroDivisionError: float floor division by zero"),
            (show(Value::floor_divide, -7, 2), "-4"),
            (show(Value::floor_divide, -7.5, 2), "-4.0"),
            (show(Value::floor_divide, big(), -7), "-142857142857142857142857142858"),
            (show(Value::floor_divide, 5.5, f64::INFINITY), "0.0"),
            (show(Value::modulo, 1, 0), "ZeroDivisionError: integer modulo by zero"),
            (show(Value::modulo, 1.0, 0), "ZeroDivisionError: float modulo"),
            (show(Value::modulo, -7, 3), "2"),
            (show(Value::modulo, 7, -3), "-2"),
            (show(Value::modulo, -7.5, 2), "0.5"),
            (show(Value::modulo, -5.5, f64::INFINITY), "inf"),
            (show(Value::modulo, big(), -7), "-6"),
            (show(Value::power, 0, -1), "ZeroDivisionError: 0.0 cannot be raised to a negative power"),
            (show(Value::power, "a", 1), "TypeError: unsupported operand type(s) for ** or pow(): 'str' and 'int'"),
            (show(Value::power, 10.0, 400), "OverflowError: (34, 'Numerical result out of range')"),
            (show(Value::power, 2, 0.5), "1.4142135623730951"),
            (show(Value::power, 2, -1), "0.5"),
            (show(Value::power, 2, 100), "1267650600228229401496703205376"),
            (show(Value::power, -1, i64::MAX), "-1"),
            (show(Value::power, 10, i64::MAX), "OverflowError: power is too large"),
        ] {
            assert_eq!(got, want);
        }
        assert_eq!(Value::from("a").negate().unwrap_err().to_string(), "bad operand type for unary -: 'str'");
        assert_eq!(Value::Int(i64::MIN).negate().unwrap().repr(), "9223372036854775808");
    }

    #[test]
    fn joined_text_is_a_template_only_when_both_parts_are() {
        let trusted = Value::Text(Text::trusted("{{"));
        let data = Value::from("x }}");
        assert!(trusted.add(&Text::trusted(" x }}").into()).unwrap().holds_template());
        assert!(!trusted.add(&data).unwrap().holds_template());
    }
}
