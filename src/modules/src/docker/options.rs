//! What options of several modules have in common: labels, booleans for Go, sizes, addresses.

use std::net::IpAddr;

use rplay_value::{List, Map, Value};

use crate::{Args, ModuleError};

/// Labels as texts; a boolean or a float is refused, since nobody knows how it was meant.
pub(super) fn labels(labels: &Map) -> Result<Map, ModuleError> {
    let mut texts = Map::new();
    for (key, value) in labels {
        if key.as_str().is_none() {
            return Err(ModuleError::msg(format!("The key {} of labels is not a string!", key.repr())));
        }
        if matches!(value, Value::Bool(_) | Value::Float(_)) {
            return Err(ModuleError::msg(format!(
                "The value {} for {} of labels is not a string or something than can be safely converted to a string!",
                value.repr(),
                key.repr()
            )));
        }
        texts.insert(key.clone(), value.to_str().into_owned());
    }
    Ok(texts)
}

/// A mapping's values as texts that Go understands: `true` and not `True`.
pub(super) fn for_go(map: Option<&Map>) -> Map {
    map.into_iter().flatten().map(|(key, value)| (key.to_str().into_owned(), Value::from(go_text(value)))).collect()
}

/// Filters: each a list of texts.
pub(super) fn filters(args: &Args, name: &str) -> Map {
    let list = |value: &Value| -> List {
        match value {
            Value::List(list) => list.iter().map(go_text).collect(),
            other => [go_text(other)].into_iter().collect(),
        }
    };
    args.map(name).into_iter().flatten().map(|(key, value)| (key.to_str().into_owned(), list(value))).collect()
}

fn go_text(value: &Value) -> String {
    match value {
        Value::Bool(true) => "true".to_owned(),
        Value::Bool(false) => "false".to_owned(),
        other => other.to_str().into_owned(),
    }
}

/// First letters of units, and the names they are short for; each is 1,024 times the next.
const UNITS: &str = "YZEPTGMKB";
const NAMES: [&str; 9] = ["yotta", "zeta", "exa", "peta", "tera", "giga", "mega", "kilo", ""];

/// A number of bytes from text such as `10M`, or Python's words for what is wrong with it.
pub(super) fn bytes(text: &str) -> Result<i64, String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..end], text[end..].trim());
    let uninterpretable = || format!("human_to_bytes() can't interpret following string: {text}");
    let well_formed = number.ends_with(|c: char| c.is_ascii_digit()) && unit.chars().all(|c| c.is_ascii_alphabetic());
    let value: f64 = number.parse().ok().filter(|_| well_formed).ok_or_else(uninterpretable)?;
    let Some(first) = unit.chars().next().map(|c| c.to_ascii_uppercase()) else {
        return Ok(value.round_ties_even() as i64);
    };
    let Some(place) = UNITS.find(first) else {
        let all: Vec<String> = UNITS.chars().map(String::from).collect();
        return Err(format!(
            "human_to_bytes() failed to convert {text} (unit = {unit}). The suffix must be one of {}",
            all.join(", ")
        ));
    };
    if unit.len() > 1 {
        let (name, short) =
            (format!("{}byte", NAMES[place]), if first == 'B' { "B".to_owned() } else { format!("{first}B") });
        if unit.to_lowercase() != name && unit != short {
            let expect =
                if first == 'B' { "expect B or byte".to_owned() } else { format!("expect {first}B or {first}") };
            return Err(format!("human_to_bytes() failed to convert {text}. Value is not a valid string ({expect})"));
        }
    }
    let power = i32::try_from(UNITS.len() - 1 - place).unwrap_or(0);
    Ok((value * 1024_f64.powi(power)).round_ties_even() as i64)
}

/// An address in its shortest form; anything else as it is.
pub(super) fn address(value: Option<&Value>) -> Value {
    let Some(value) = value else { return Value::Null };
    match value.as_str().and_then(|text| text.parse::<IpAddr>().ok()) {
        Some(address) => Value::from(address.to_string()),
        None => value.clone(),
    }
}

/// A network in its shortest form; anything else (host bits set, too) as it is.
pub(super) fn network(value: Option<&Value>) -> Value {
    let Some(value) = value else { return Value::Null };
    let short = || {
        let text = value.as_str()?;
        let (address, length) = text.split_once('/').unwrap_or((text, ""));
        let address: IpAddr = address.parse().ok()?;
        let (bits, width) = match address {
            IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32_u32),
            IpAddr::V6(v6) => (u128::from(v6), 128),
        };
        let length: u32 = if length.is_empty() { width } else { length.parse().ok()? };
        let host = width.checked_sub(length)?;
        let mask = if host == 128 { u128::MAX } else { (1 << host) - 1 };
        (bits & mask == 0).then(|| format!("{address}/{length}"))
    };
    short().map_or_else(|| value.clone(), Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(bytes("512m"), Ok(512 << 20));
        assert_eq!(bytes("1.5 KB"), Ok(1536));
        assert_eq!(bytes("7"), Ok(7));
        assert_eq!(
            bytes("1x"),
            Err(
                "human_to_bytes() failed to convert 1x (unit = x). The suffix must be one of Y, Z, E, P, T, G, M, K, B"
                    .to_owned()
            )
        );
        assert_eq!(bytes("x"), Err("human_to_bytes() can't interpret following string: x".to_owned()));
        assert_eq!(
            bytes("1Mx"),
            Err("human_to_bytes() failed to convert 1Mx. Value is not a valid string (expect MB or M)".to_owned())
        );
    }

    #[test]
    fn addresses_and_networks() {
        let text = |value: &str| Value::from(value);
        assert_eq!(address(Some(&text("fd00:0::1"))), text("fd00::1"));
        assert_eq!(address(Some(&text("x"))), text("x"));
        assert_eq!(network(Some(&text("fd00:0::/64"))), text("fd00::/64"));
        assert_eq!(network(Some(&text("10.0.0.1/8"))), text("10.0.0.1/8"));
        assert_eq!(network(None), Value::Null);
    }
}
