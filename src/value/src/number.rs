//! Numbers as Python reads and writes them.

use std::fmt::Write;

use num_bigint::BigInt;

use crate::Value;
use crate::error::ValueError;
use crate::python::push_str_repr;

/// Python's `repr` of a float: the shortest digits that read back, exponents below -4 and from 16 on.
pub fn float_repr(number: f64) -> String {
    let mut out = String::new();
    push_float(&mut out, number);
    out
}

/// Appends [`float_repr`].
pub fn push_float(out: &mut String, number: f64) {
    if number.is_nan() {
        out.push_str("nan");
        return;
    }
    if number.is_infinite() {
        out.push_str(if number > 0.0 { "inf" } else { "-inf" });
        return;
    }
    let magnitude = number.abs();
    let shortest = shortest(number);
    if magnitude == 0.0 || (1e-4..1e16).contains(&magnitude) {
        let start = out.len();
        match &shortest {
            Some(text) => push_plain(out, text),
            None => write!(out, "{number}").unwrap_or_default(),
        }
        if !out[start..].contains('.') {
            out.push_str(".0");
        }
        return;
    }
    let text = shortest.unwrap_or_else(|| format!("{number:e}"));
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let sign = if exponent < 0 { '-' } else { '+' };
    write!(out, "{digits}e{sign}{:02}", exponent.abs()).unwrap_or_default();
}

/// Where two shortest texts lie equally near, Python takes the even one and Rust does not always: the even one as
/// `digits e exponent`, when it is another.
fn shortest(number: f64) -> Option<String> {
    let text = format!("{number:e}");
    let digits = text.bytes().take_while(|b| *b != b'e').filter(u8::is_ascii_digit).count();
    // With fewer digits there is one nearest text.
    if digits < 15 {
        return None;
    }
    let nearest = format!("{number:.*e}", digits - 1);
    let same = nearest.parse::<f64>().is_ok_and(|back| back.to_bits() == number.to_bits());
    (same && nearest != text).then_some(nearest)
}

/// `1.25e3` as `1250`.
fn push_plain(out: &mut String, text: &str) {
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let bare = digits.strip_prefix('-').unwrap_or(digits);
    out.push_str(&digits[..digits.len() - bare.len()]);
    let bare = bare.replace('.', "");
    let point = exponent + 1;
    if point <= 0 {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', point.unsigned_abs() as usize));
        out.push_str(&bare);
    } else if point as usize >= bare.len() {
        out.push_str(&bare);
        out.extend(std::iter::repeat_n('0', point as usize - bare.len()));
    } else {
        out.push_str(&bare[..point as usize]);
        out.push('.');
        out.push_str(&bare[point as usize..]);
    }
}

/// An integer as a float, correctly rounded; infinite when it is too large.
pub fn big_to_f64(big: &BigInt) -> f64 {
    big.to_string().parse().unwrap_or(f64::NAN)
}

/// The integer part of a float, of any size; `None` for infinities and NaN.
pub fn f64_to_int(number: f64) -> Option<Value> {
    if !number.is_finite() {
        return None;
    }
    let whole = number.trunc();
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&whole) {
        return Some(Value::Int(whole as i64));
    }
    // Formatting a whole float without exponent writes its exact decimal digits.
    format!("{whole:.0}").parse().ok().map(Value::from_bigint)
}

/// The characters Python's `str.strip` takes away, roughly: Unicode white space and the four ASCII separators.
fn strip(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\x1c'..='\x1f'))
}

/// Digits without the underscores Python allows between them; `None` when one is out of place.
fn without_underscores(text: &str) -> Option<std::borrow::Cow<'_, str>> {
    if !text.contains('_') {
        return Some(text.into());
    }
    let bytes = text.as_bytes();
    let fine = bytes.iter().enumerate().all(|(i, b)| {
        *b != b'_'
            || i > 0 && bytes[i - 1].is_ascii_alphanumeric() && bytes.get(i + 1).is_some_and(u8::is_ascii_alphanumeric)
    });
    fine.then(|| text.replace('_', "").into())
}

/// Python's `int(text, base)`: surrounding space, sign and underscores allowed; base 0 reads the prefix.
pub fn parse_int(text: &str, base: u32) -> Result<Value, ValueError> {
    let refuse = || {
        let mut message = format!("invalid literal for int() with base {base}: ");
        push_str_repr(&mut message, text);
        ValueError::invalid(message)
    };
    if base == 1 || base > 36 {
        return Err(ValueError::invalid("int() base must be >= 2 and <= 36, or 0"));
    }
    let stripped = strip(text);
    let (negative, digits) = match stripped.as_bytes().first() {
        Some(b'-') => (true, &stripped[1..]),
        Some(b'+') => (false, &stripped[1..]),
        _ => (false, stripped),
    };
    let lower = digits.get(..2).map(str::to_ascii_lowercase);
    let (radix, digits) = match (base, lower.as_deref()) {
        (0 | 16, Some("0x")) => (16, &digits[2..]),
        (0 | 8, Some("0o")) => (8, &digits[2..]),
        (0 | 2, Some("0b")) => (2, &digits[2..]),
        (0, _) => (10, digits),
        (base, _) => (base, digits),
    };
    let prefixed = stripped.len() > digits.len() && lower.is_some() && radix != base.max(radix + 1);
    let digits = if prefixed { digits.strip_prefix('_').unwrap_or(digits) } else { digits };
    let digits = without_underscores(digits).ok_or_else(refuse)?;
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(refuse());
    }
    if base == 0 && radix == 10 && digits.len() > 1 && digits.starts_with('0') && digits.bytes().any(|b| b != b'0') {
        return Err(refuse());
    }
    if let Ok(small) = i64::from_str_radix(&digits, radix) {
        return Ok(Value::Int(if negative { -small } else { small }));
    }
    let big = BigInt::parse_bytes(digits.as_bytes(), radix).ok_or_else(refuse)?;
    Ok(Value::from_bigint(if negative { -big } else { big }))
}

/// Python's `float(text)`: surrounding space, sign, underscores, `inf` and `nan` allowed.
pub fn parse_float(text: &str) -> Result<f64, ValueError> {
    let refuse = || {
        let mut message = "could not convert string to float: ".to_owned();
        push_str_repr(&mut message, text);
        ValueError::invalid(message)
    };
    // Rust reads the same forms as Python, underscores aside: "inf", "infinity", "nan" in any case, ".5", "5.", "1e5".
    let digits = without_underscores(strip(text)).ok_or_else(refuse)?;
    digits.parse().map_err(|_| refuse())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_have_pythons_text() {
        for (number, text) in [
            (1e16, "1e+16"),
            (1e15, "1000000000000000.0"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (0.1 + 0.2, "0.30000000000000004"),
            (-0.0, "-0.0"),
            (1e100, "1e+100"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "nan"),
            (5e-324, "5e-324"),
            (9_007_199_254_740_992.0 * 0.1, "900719925474099.2"),
            (-9_007_199_254_740_992.0 * 0.1, "-900719925474099.2"),
        ] {
            assert_eq!(float_repr(number), text);
        }
    }

    #[test]
    fn integers_are_read_as_python_reads_them() {
        for (text, base, want) in [
            (" 12\n", 10, Some(12)),
            ("1_000", 10, Some(1000)),
            ("_1", 10, None),
            ("1__0", 10, None),
            ("0x1f", 16, Some(31)),
            ("0x1f", 0, Some(31)),
            ("0x_1f", 0, Some(31)),
            ("0o17", 8, Some(15)),
            ("017", 8, Some(15)),
            ("017", 0, None),
            ("00", 0, Some(0)),
            ("-0b11", 0, Some(-3)),
            ("z", 36, Some(35)),
            ("", 10, None),
            ("+", 10, None),
            ("1.5", 10, None),
            ("--1", 10, None),
            ("-9223372036854775807", 10, Some(-i64::MAX)),
        ] {
            assert_eq!(parse_int(text, base).ok(), want.map(Value::Int), "{text} {base}");
        }
        assert_eq!(parse_int("x'", 10).unwrap_err().to_string(), "invalid literal for int() with base 10: \"x'\"");
        assert_eq!(parse_int("-9223372036854775808", 10).unwrap(), Value::Int(i64::MIN));
        assert_eq!(parse_int("18446744073709551616", 10).unwrap().repr(), "18446744073709551616");
    }

    #[test]
    fn floats_are_read_as_python_reads_them() {
        for (text, want) in [
            ("1.5", 1.5),
            (" .5 ", 0.5),
            ("5.", 5.0),
            ("1_0.0", 10.0),
            ("1e3", 1000.0),
            ("-Infinity", f64::NEG_INFINITY),
        ] {
            assert_eq!(parse_float(text).unwrap().to_bits(), want.to_bits(), "{text}");
        }
        for text in ["", "a", "1._5", "0x1", "1e"] {
            assert!(parse_float(text).is_err(), "{text}");
        }
        assert_eq!(parse_float("a").unwrap_err().to_string(), "could not convert string to float: 'a'");
        assert_eq!(f64_to_int(1e20).unwrap().repr(), "100000000000000000000");
        assert_eq!(f64_to_int(-1.9), Some(Value::Int(-1)));
    }
}
