//! What a plain scalar means in YAML 1.1, rule by rule as PyYAML's resolver and constructor.

use jiff::SignedDuration;
use jiff::civil;
use jiff::tz::Offset;
use rplay_value::{BigInt, Time, Value};

/// The type a plain scalar's characters imply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Implied {
    Str,
    Bool,
    Int,
    Float,
    Null,
    Timestamp,
    /// `<<`
    Merge,
    /// `=`
    Value,
}

/// What the characters of a plain scalar imply.
pub(crate) fn implied(text: &str) -> Implied {
    let Some(first) = text.bytes().next() else { return Implied::Null };
    match first {
        b'y' | b'Y' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' if bool_of(text).is_some() => Implied::Bool,
        b'n' | b'N' if bool_of(text).is_some() => Implied::Bool,
        b'n' | b'N' if matches!(text, "null" | "Null" | "NULL") => Implied::Null,
        b'~' if text == "~" => Implied::Null,
        b'<' if text == "<<" => Implied::Merge,
        b'=' if text == "=" => Implied::Value,
        b'-' | b'+' | b'.' | b'0'..=b'9' => {
            if is_float(text) {
                Implied::Float
            } else if is_int(text) {
                Implied::Int
            } else if timestamp_parts(text).is_some() {
                Implied::Timestamp
            } else {
                Implied::Str
            }
        }
        _ => Implied::Str,
    }
}

/// `yes`, `Yes`, `YES` and so on, but not `yEs`.
fn bool_of(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

fn all(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(allowed)
}

fn digits_or_underscores(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}

/// `(:[0-5]?[0-9])+` after a first group.
fn sexagesimal(text: &str) -> bool {
    text.contains(':')
        && text.split(':').skip(1).all(|part| matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']))
}

fn is_int(text: &str) -> bool {
    let text = unsigned(text);
    if let Some(rest) = text.strip_prefix("0b") {
        return all(rest, |b| matches!(b, b'0' | b'1' | b'_'));
    }
    if let Some(rest) = text.strip_prefix("0x") {
        return all(rest, |b| b.is_ascii_hexdigit() || b == b'_');
    }
    if text == "0" {
        return true;
    }
    if let Some(rest) = text.strip_prefix('0') {
        return all(rest, |b| matches!(b, b'0'..=b'7' | b'_'));
    }
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let head = text.split(':').next().unwrap_or_default();
    digits_or_underscores(head) && (head.len() == text.len() || sexagesimal(text))
}

fn is_float(text: &str) -> bool {
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let bare = unsigned(text);
    if matches!(bare, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let Some((whole, rest)) = bare.split_once('.') else { return false };
    let (fraction, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let exponent_fine = exponent.is_none_or(|e| e.starts_with(['-', '+']) && all(&e[1..], |b| b.is_ascii_digit()));
    if !digits_or_underscores(fraction) || !exponent_fine {
        return false;
    }
    if whole.is_empty() {
        // `.5` takes no sign.
        return bare.len() == text.len() && fraction.starts_with(|c: char| c.is_ascii_digit());
    }
    if !whole.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    if whole.contains(':') {
        let head = whole.split(':').next().unwrap_or_default();
        return exponent.is_none() && digits_or_underscores(head) && sexagesimal(whole);
    }
    digits_or_underscores(whole)
}

/// A value an explicit or implied type cannot be made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadScalar {
    pub(crate) type_name: &'static str,
    pub(crate) reason: &'static str,
}

type Result<T> = std::result::Result<T, BadScalar>;

pub(crate) fn construct_bool(text: &str) -> Result<Value> {
    let lower = text.to_ascii_lowercase();
    bool_of(&lower)
        .map(Value::Bool)
        .ok_or(BadScalar { type_name: "boolean", reason: "use yes, no, true, false, on or off" })
}

pub(crate) fn construct_int(text: &str) -> Result<Value> {
    let bad = || BadScalar { type_name: "integer", reason: "not a number" };
    let text = text.replace('_', "");
    let negative = text.starts_with('-');
    let bare = unsigned(&text);
    let number = if bare == "0" {
        BigInt::ZERO
    } else if let Some(rest) = bare.strip_prefix("0b") {
        parse(rest, 2).ok_or_else(bad)?
    } else if let Some(rest) = bare.strip_prefix("0x") {
        parse(rest, 16).ok_or_else(bad)?
    } else if bare.starts_with('0') {
        parse(bare, 8).ok_or_else(bad)?
    } else if bare.contains(':') {
        let mut total = BigInt::ZERO;
        for part in bare.split(':') {
            total = total * 60 + parse(part, 10).ok_or_else(bad)?;
        }
        total
    } else {
        if let Ok(small) = text.parse() {
            return Ok(Value::Int(small));
        }
        parse(bare, 10).ok_or_else(bad)?
    };
    Ok(Value::from_bigint(if negative { -number } else { number }))
}

fn parse(digits: &str, radix: u32) -> Option<BigInt> {
    if !all(digits, |b| (b as char).is_digit(radix)) {
        return None;
    }
    BigInt::parse_bytes(digits.as_bytes(), radix)
}

pub(crate) fn construct_float(text: &str) -> Result<Value> {
    let bad = || BadScalar { type_name: "float", reason: "not a number" };
    let text = text.replace('_', "").to_ascii_lowercase();
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    let bare = unsigned(&text);
    let number = match bare {
        ".inf" => f64::INFINITY,
        ".nan" => return Ok(Value::Float(f64::NAN)),
        _ if bare.contains(':') => {
            let mut total = 0.0;
            for part in bare.split(':') {
                total = total * 60.0 + part.parse::<f64>().map_err(|_| bad())?;
            }
            total
        }
        _ => bare.parse().map_err(|_| bad())?,
    };
    Ok(Value::Float(sign * number))
}

struct Timestamp {
    date: (i16, i8, i8),
    clock: Option<(i8, i8, i8, i32)>,
    /// Seconds east of UTC.
    offset: Option<i32>,
}

/// Takes `min` to `max` digits off the front.
fn take(rest: &mut &str, min: usize, max: usize) -> Option<i32> {
    let count = rest.bytes().take(max).take_while(u8::is_ascii_digit).count();
    if count < min {
        return None;
    }
    let number = rest[..count].parse().ok()?;
    *rest = &rest[count..];
    Some(number)
}

fn skip(rest: &mut &str, c: char) -> Option<()> {
    *rest = rest.strip_prefix(c)?;
    Some(())
}

fn timestamp_parts(text: &str) -> Option<Timestamp> {
    let mut rest = text;
    let year = take(&mut rest, 4, 4)?;
    skip(&mut rest, '-')?;
    let month_at = rest;
    let month = take(&mut rest, 1, 2)?;
    let month_digits = month_at.len() - rest.len();
    skip(&mut rest, '-')?;
    let day_at = rest;
    let day = take(&mut rest, 1, 2)?;
    let day_digits = day_at.len() - rest.len();
    let date = (year as i16, month as i8, day as i8);
    if rest.is_empty() {
        // A date alone needs two digits each; with a time one is enough.
        return (month_digits == 2 && day_digits == 2).then_some(Timestamp { date, clock: None, offset: None });
    }
    if let Some(after) = rest.strip_prefix(['T', 't']) {
        rest = after;
    } else {
        let trimmed = rest.trim_start_matches([' ', '\t']);
        if trimmed.len() == rest.len() {
            return None;
        }
        rest = trimmed;
    }
    let hour = take(&mut rest, 1, 2)?;
    skip(&mut rest, ':')?;
    let minute = take(&mut rest, 2, 2)?;
    skip(&mut rest, ':')?;
    let second = take(&mut rest, 2, 2)?;
    let mut micros = 0;
    if let Some(after) = rest.strip_prefix('.') {
        let count = after.bytes().take_while(u8::is_ascii_digit).count();
        for i in 0..6 {
            let digit = if i < count { i32::from(after.as_bytes()[i] - b'0') } else { 0 };
            micros = micros * 10 + digit;
        }
        rest = &after[count..];
    }
    let clock = Some((hour as i8, minute as i8, second as i8, micros));
    if rest.is_empty() {
        return Some(Timestamp { date, clock, offset: None });
    }
    rest = rest.trim_start_matches([' ', '\t']);
    if rest == "Z" {
        return Some(Timestamp { date, clock, offset: Some(0) });
    }
    let sign = match rest.bytes().next()? {
        b'-' => -1,
        b'+' => 1,
        _ => return None,
    };
    rest = &rest[1..];
    let hours = take(&mut rest, 1, 2)?;
    let minutes = if rest.is_empty() {
        0
    } else {
        skip(&mut rest, ':')?;
        take(&mut rest, 2, 2)?
    };
    rest.is_empty().then_some(Timestamp { date, clock, offset: Some(sign * (hours * 3600 + minutes * 60)) })
}

pub(crate) fn construct_timestamp(text: &str) -> Result<Value> {
    let bad = |reason| BadScalar { type_name: "date or time", reason };
    let parts = timestamp_parts(text).ok_or_else(|| bad("not a date"))?;
    let (year, month, day) = parts.date;
    let date = civil::Date::new(year, month, day)
        .ok()
        .filter(|_| year > 0)
        .ok_or_else(|| bad("no such day; quote it if it is text"))?;
    let Some((hour, minute, second, micros)) = parts.clock else {
        return Ok(Time::Date(date).into());
    };
    let clock = civil::Time::new(hour, minute, second, micros * 1000)
        .map_err(|_| bad("no such time; quote it if it is text"))?;
    let offset = match parts.offset {
        None => None,
        Some(seconds) if SignedDuration::from_secs(i64::from(seconds.abs())) < SignedDuration::from_hours(24) => {
            Some(Offset::from_seconds(seconds).map_err(|_| bad("no such offset from UTC"))?)
        }
        Some(_) => return Err(bad("no such offset from UTC")),
    };
    Ok(Time::DateTime(date.to_datetime(clock), offset).into())
}

/// `!!binary`: the bytes are text where they can be, as templates show them.
pub(crate) fn construct_binary(text: &str) -> Result<Value> {
    let bad = |reason| BadScalar { type_name: "base64 text", reason };
    let mut bits: u32 = 0;
    let mut count = 0;
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => break,
            // As Python's decoder, which skips what is not of the alphabet.
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        count += 1;
        if count % 4 == 0 {
            bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
            bits = 0;
        }
    }
    match count % 4 {
        0 => {}
        2 => bytes.push((bits >> 4) as u8),
        3 => bytes.extend_from_slice(&[(bits >> 10) as u8, (bits >> 2) as u8]),
        _ => return Err(bad("cut off")),
    }
    let text = String::from_utf8(bytes).map_err(|_| bad("the bytes are not UTF-8 text, which values cannot hold"))?;
    Ok(Value::from(text))
}
