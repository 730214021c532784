//! `'...' % values`.

use std::fmt::Write as _;

use minijinja::Value as Mj;
use rplay_value::BigInt;

use super::{Kind, as_float, kind, operators, type_name};
use crate::TemplateError;

/// More digits than this no float has, and Rust writes no more.
const MOST_DIGITS: usize = 60_000;

/// Python's `format % values`.
pub fn percent(format: &str, values: &Mj) -> Result<String, TemplateError> {
    let positional: Vec<Mj> = match kind(values) {
        Kind::Tuple(items) => items.to_vec(),
        _ => vec![values.clone()],
    };
    let mut next = 0;
    let mut named = false;
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    let all = format.chars().count();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut spec = Spec::default();
        let mut value = None;
        if chars.next_if_eq(&'(').is_some() {
            let mut key = String::new();
            let mut depth = 1;
            for c in chars.by_ref() {
                match c {
                    '(' => depth += 1,
                    ')' => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
                key.push(c);
            }
            if depth > 0 {
                return Err(TemplateError::value_error("incomplete format key"));
            }
            if !super::is_mapping(values) {
                return Err(TemplateError::type_error("format requires a mapping"));
            }
            let found = super::get_item(values, &Mj::from(key.as_str()));
            if super::is_undefined(&found) {
                return Err(TemplateError::value_error(format!("'{key}'")));
            }
            value = Some(found);
            named = true;
        }
        let mut take = || -> Result<Mj, TemplateError> {
            let item = positional.get(next).cloned();
            next += 1;
            item.ok_or_else(|| TemplateError::type_error("not enough arguments for format string"))
        };
        while let Some(flag) = chars.next_if(|c| "#0- +".contains(*c)) {
            match flag {
                '#' => spec.alternate = true,
                '0' => spec.zero = true,
                '-' => spec.left = true,
                flag => spec.sign = if spec.sign == Some('+') { Some('+') } else { Some(flag) },
            }
        }
        let number = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| {
            let mut digits = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            digits.parse::<usize>().ok().map(|n| n.min(1 << 20))
        };
        if chars.next_if_eq(&'*').is_some() {
            let width = super::as_index(&take()?).ok_or_else(|| TemplateError::type_error("* wants int"))?;
            spec.left |= width < 0;
            spec.width = (width.unsigned_abs() as usize).min(1 << 20);
        } else {
            spec.width = number(&mut chars).unwrap_or(0);
        }
        if chars.next_if_eq(&'.').is_some() {
            spec.precision = Some(if chars.next_if_eq(&'*').is_some() {
                usize::try_from(super::as_index(&take()?).unwrap_or(0)).unwrap_or(0).min(1 << 10)
            } else {
                number(&mut chars).unwrap_or(0)
            });
        }
        if spec.precision.is_some_and(|precision| precision > MOST_DIGITS) {
            return Err(TemplateError::value_error("precision too large"));
        }
        while chars.next_if(|c| "hlL".contains(*c)).is_some() {}
        let Some(conversion) = chars.next() else { return Err(TemplateError::value_error("incomplete format")) };
        if conversion == '%' {
            out.push('%');
            continue;
        }
        let value = match value {
            Some(value) => value,
            None => take()?,
        };
        let at = all - chars.clone().count() - 1;
        spec.write(conversion, at, &value, &mut out)?;
    }
    if !named && next < positional.len() && !super::is_mapping(values) {
        return Err(TemplateError::type_error("not all arguments converted during string formatting"));
    }
    Ok(out)
}

/// A `repr` in ASCII, as `ascii()` gives it.
pub(super) fn ascii(repr: &str) -> String {
    let mut out = String::with_capacity(repr.len());
    for c in repr.chars() {
        match u32::from(c) {
            0..=0x7f => out.push(c),
            code @ 0x80..=0xff => _ = write!(out, "\\x{code:02x}"),
            code @ 0x100..=0xffff => _ = write!(out, "\\u{code:04x}"),
            code => _ = write!(out, "\\U{code:08x}"),
        }
    }
    out
}

#[derive(Default)]
struct Spec {
    alternate: bool,
    zero: bool,
    left: bool,
    sign: Option<char>,
    width: usize,
    precision: Option<usize>,
}

impl Spec {
    fn write(&self, conversion: char, at: usize, value: &Mj, out: &mut String) -> Result<(), TemplateError> {
        let cut = |text: String| match self.precision {
            Some(most) => text.chars().take(most).collect(),
            None => text,
        };
        match conversion {
            's' => self.pad(&cut(super::str(value)), out),
            'r' => self.pad(&cut(super::repr(value)), out),
            'a' => self.pad(&cut(ascii(&super::repr(value))), out),
            'c' => match (value.as_str(), super::as_index(value)) {
                (Some(text), _) if text.chars().count() == 1 => self.pad(text, out),
                (None, Some(code)) => match u32::try_from(code).ok().and_then(char::from_u32) {
                    Some(c) => self.pad(&c.to_string(), out),
                    None => return Err(TemplateError::value_error("%c arg not in range(0x110000)")),
                },
                _ => return Err(TemplateError::type_error("%c requires int or char")),
            },
            'd' | 'i' | 'u' => self.number(&integer(value, conversion, true)?, "", 10, out),
            'x' => self.number(&integer(value, conversion, false)?, "0x", 16, out),
            'X' => {
                let mut text = String::new();
                self.number(&integer(value, conversion, false)?, "0x", 16, &mut text);
                out.push_str(&text.to_uppercase());
            }
            'o' => self.number(&integer(value, conversion, false)?, "0o", 8, out),
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
                let Some(f) = as_float(value) else {
                    return Err(TemplateError::type_error(format!("must be real number, not {}", type_name(value))));
                };
                let digits = float(f.abs(), conversion, self.precision.unwrap_or(6), self.alternate);
                self.signed(f.is_sign_negative() && !f.is_nan(), "", &digits, out);
            }
            other => {
                let message =
                    format!("unsupported format character '{other}' (0x{:x}) at index {at}", u32::from(other));
                return Err(TemplateError::value_error(message));
            }
        }
        Ok(())
    }

    fn number(&self, number: &BigInt, prefix: &str, radix: u32, out: &mut String) {
        let text = number.to_str_radix(radix);
        let (negative, digits) = text.strip_prefix('-').map_or((false, text.as_str()), |digits| (true, digits));
        let digits = format!("{}{digits}", "0".repeat(self.precision.unwrap_or(0).saturating_sub(digits.len())));
        self.signed(negative, if self.alternate { prefix } else { "" }, &digits, out);
    }

    fn signed(&self, negative: bool, prefix: &str, digits: &str, out: &mut String) {
        let sign = if negative { "-".to_owned() } else { self.sign.map(String::from).unwrap_or_default() };
        let used = sign.len() + prefix.len() + digits.len();
        if self.zero && !self.left {
            let fill = "0".repeat(self.width.saturating_sub(used));
            out.push_str(&format!("{sign}{prefix}{fill}{digits}"));
        } else {
            self.pad(&format!("{sign}{prefix}{digits}"), out);
        }
    }

    fn pad(&self, text: &str, out: &mut String) {
        let fill = " ".repeat(self.width.saturating_sub(text.chars().count()));
        if self.left {
            out.push_str(text);
            out.push_str(&fill);
        } else {
            out.push_str(&fill);
            out.push_str(text);
        }
    }
}

fn integer(value: &Mj, conversion: char, from_float: bool) -> Result<BigInt, TemplateError> {
    match kind(value) {
        Kind::Int(i) => Ok(BigInt::from(i)),
        Kind::Bool(b) => Ok(BigInt::from(u8::from(b))),
        Kind::Big(big) => Ok(big),
        Kind::Float(f) if from_float => operators::float_to_big(f)
            .ok_or_else(|| TemplateError::value_error("cannot convert float infinity to integer")),
        _ if from_float => Err(TemplateError::type_error(format!(
            "%{conversion} format: a real number is required, not {}",
            type_name(value)
        ))),
        _ => Err(TemplateError::type_error(format!(
            "%{conversion} format: an integer is required, not {}",
            type_name(value)
        ))),
    }
}

/// A non-negative float by C's `e`, `f` and `g` rules.
pub(super) fn float(f: f64, conversion: char, precision: usize, alternate: bool) -> String {
    let upper = conversion.is_ascii_uppercase();
    let text = if f.is_nan() {
        "nan".to_owned()
    } else if f.is_infinite() {
        "inf".to_owned()
    } else {
        match conversion.to_ascii_lowercase() {
            'f' => format!("{f:.precision$}"),
            'e' => exponent(f, precision),
            _ => general(f, precision.max(1), alternate),
        }
    };
    if upper { text.to_uppercase() } else { text }
}

fn exponent(f: f64, precision: usize) -> String {
    let text = format!("{f:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

fn general(f: f64, precision: usize, alternate: bool) -> String {
    let text = format!("{f:.*e}", precision - 1);
    let power: i32 = text.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    let trim = |text: String| {
        if alternate || !text.contains('.') {
            text
        } else {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    };
    if power < -4 || power >= precision as i32 {
        let text = exponent(f, precision - 1);
        let (digits, tail) = text.split_once('e').unwrap_or((&text, "+00"));
        return format!("{}e{tail}", trim(digits.to_owned()));
    }
    trim(format!("{f:.*}", (precision as i32 - 1 - power).max(0) as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_as_python() {
        let one = |format: &str, value: Mj| percent(format, &value).unwrap();
        assert_eq!(one("%05.1f|", Mj::from(7.14159)), "007.1|");
        assert_eq!(one("%-5s|", Mj::from("ab")), "ab   |");
        assert_eq!(one("%x %%", Mj::from(255)), "ff %");
        assert_eq!(one("%+d", Mj::from(7)), "+7");
        assert_eq!(one("%g", Mj::from(1e20)), "1e+20");
        assert_eq!(one("%g", Mj::from(0.5)), "0.5");
        assert_eq!(percent("%s-%s", &super::super::tuple(vec![Mj::from(1), Mj::from("b")])).unwrap(), "1-b");
        assert!(percent("%s", &super::super::tuple(vec![Mj::from(1), Mj::from(2)])).is_err());
        assert!(percent("%d", &Mj::from("x")).is_err());
    }
}
