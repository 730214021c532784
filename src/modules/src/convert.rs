//! Conversions between argument types, as Ansible's `check_type_*` do them.

use std::path::PathBuf;

use nix::unistd::{Uid, User};
use rplay_value::{FALSE_TEXTS, List, Map, TRUE_TEXTS, Value, push_str_repr};

use crate::Kind;

/// Asks for a variable's value.
type Variable<'a> = Box<dyn Fn(&str) -> Option<String> + 'a>;

/// What `~` and `$NAME` in paths stand for.
pub struct Surroundings<'a> {
    variable: Variable<'a>,
}

impl<'a> Surroundings<'a> {
    /// The environment of this process.
    pub fn of_process() -> Self {
        Self { variable: Box::new(|name| std::env::var(name).ok()) }
    }

    /// These variables.
    pub fn new(variable: impl Fn(&str) -> Option<String> + 'a) -> Self {
        Self { variable: Box::new(variable) }
    }

    /// `$NAME` and `${NAME}` replaced where set, then a leading `~` or `~user`, as Python's `expandvars` and
    /// `expanduser`.
    pub fn expand(&self, text: &str) -> String {
        self.expand_user(&self.expand_variables(text))
    }

    /// A leading `~` or `~user` replaced by the home folder.
    pub fn expand_user(&self, text: &str) -> String {
        let Some(rest) = text.strip_prefix('~') else { return text.to_owned() };
        let (user, tail) = rest.split_once('/').map_or((rest, None), |(user, tail)| (user, Some(tail)));
        let home = if user.is_empty() {
            (self.variable)("HOME").map(PathBuf::from).or_else(|| Some(User::from_uid(Uid::current()).ok()??.dir))
        } else {
            User::from_name(user).ok().flatten().map(|u| u.dir)
        };
        let Some(home) = home else { return text.to_owned() };
        let home = home.to_string_lossy();
        let home = home.trim_end_matches('/');
        match tail {
            Some(tail) => format!("{home}/{tail}"),
            None if home.is_empty() => "/".to_owned(),
            None => home.to_owned(),
        }
    }

    /// `$NAME` and `${NAME}` replaced where set.
    pub fn expand_variables(&self, text: &str) -> String {
        if !text.contains('$') {
            return text.to_owned();
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            let (name, whole) = if let Some(braced) = after.strip_prefix('{') {
                braced.find('}').map_or(("", 1), |end| (&braced[..end], end + 3))
            } else {
                let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                (&after[..end], end + 1)
            };
            match (self.variable)(name).filter(|_| !name.is_empty()) {
                Some(value) => out.push_str(&value),
                None => out.push_str(&rest[at..at + whole]),
            }
            rest = &rest[at + whole..];
        }
        out.push_str(rest);
        out
    }
}

/// `value` as `kind`, or why it cannot be.
pub fn convert(kind: Kind, value: &Value, surroundings: &Surroundings<'_>) -> Result<Value, String> {
    match kind {
        Kind::Raw => Ok(value.clone()),
        Kind::Text => Ok(match value {
            Value::Text(_) => value.clone(),
            other => Value::from(python_str(other)),
        }),
        Kind::Path => Ok(Value::from(surroundings.expand(&python_str(value)))),
        Kind::Bool => to_bool(value).map(Value::Bool),
        Kind::Int => to_int(value),
        Kind::Float => to_float(value).map(Value::Float),
        Kind::List => to_list(value).map(Value::List),
        Kind::Map => to_map(value).map(Value::Map),
        Kind::Json => match value {
            Value::Text(text) => Ok(Value::from(text.trim())),
            Value::List(_) | Value::Map(_) => serde_json::to_string(value).map(Value::from).map_err(|e| e.to_string()),
            other => Err(format!("{} cannot be converted to a json string", python_class(other))),
        },
        Kind::Bytes => human_to_bytes(&python_str(value), false)
            .ok_or_else(|| format!("{} cannot be converted to a Byte value", python_class(value))),
        Kind::Bits => human_to_bytes(&python_str(value), true)
            .ok_or_else(|| format!("{} cannot be converted to a Bit value", python_class(value))),
    }
}

/// The name of a kind in messages.
pub(crate) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "str",
        Kind::Path => "path",
        Kind::Bool => "bool",
        Kind::Int => "int",
        Kind::Float => "float",
        Kind::List => "list",
        Kind::Map => "dict",
        Kind::Raw => "raw",
        Kind::Json => "jsonarg",
        Kind::Bytes => "bytes",
        Kind::Bits => "bits",
    }
}

fn python_class(value: &Value) -> String {
    format!("<class '{}'>", value.type_name())
}

/// Python's `str` of a value; `None` is empty, as for arguments since 2.19.
pub(crate) fn python_str(value: &Value) -> String {
    if value.is_null() { String::new() } else { value.to_str().into_owned() }
}

/// A text between Python's quotes.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::new();
    push_str_repr(&mut out, text);
    out
}

fn to_bool(value: &Value) -> Result<bool, String> {
    if matches!(value, Value::Null | Value::List(_) | Value::Map(_)) {
        return Err(format!("{} cannot be converted to a bool", python_class(value)));
    }
    value.to_bool().ok_or_else(|| {
        let valid: Vec<String> = TRUE_TEXTS.iter().chain(&FALSE_TEXTS).map(|w| quoted(w)).collect();
        let shown = python_str(value);
        format!("The value '{shown}' is not a valid boolean. Valid booleans include: {}", valid.join(", "))
    })
}

fn to_int(value: &Value) -> Result<Value, String> {
    let refused = || format!("\"{}\" cannot be converted to an int", value.repr());
    match value {
        Value::Int(_) | Value::Big(_) => Ok(value.clone()),
        Value::Bool(b) => Ok(Value::Int(i64::from(*b))),
        Value::Float(f) if f.fract() == 0.0 && f.abs() < 9e18 => Ok(Value::Int(*f as i64)),
        Value::Text(text) => {
            let digits = text.trim().replace('_', "");
            // Decimal point and exponent are fine as long as the number is whole.
            digits.parse::<i64>().map(Value::Int).or_else(|_| match digits.parse::<f64>() {
                Ok(f) if f.fract() == 0.0 && f.abs() < 9e15 => Ok(Value::Int(f as i64)),
                _ => Err(refused()),
            })
        }
        _ => Err(refused()),
    }
}

fn to_float(value: &Value) -> Result<f64, String> {
    match value {
        Value::Float(f) => Some(*f),
        Value::Int(i) => Some(*i as f64),
        Value::Bool(b) => Some(f64::from(u8::from(*b))),
        Value::Text(text) => text.trim().replace('_', "").parse().ok(),
        _ => None,
    }
    .ok_or_else(|| format!("{} cannot be converted to a float", python_class(value)))
}

fn to_list(value: &Value) -> Result<List, String> {
    match value {
        Value::List(list) => Ok(list.clone()),
        Value::Text(text) => Ok(text.split(',').collect()),
        Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::Big(_) => {
            Ok([python_str(value)].into_iter().collect())
        }
        other => Err(format!("{} cannot be converted to a list", python_class(other))),
    }
}

fn to_map(value: &Value) -> Result<Map, String> {
    let text = match value {
        Value::Map(map) => return Ok(map.clone()),
        Value::Text(text) => text.as_str(),
        other => return Err(format!("{} cannot be converted to a dict", python_class(other))),
    };
    if text.starts_with('{') {
        return serde_json::from_str(text).map_err(|_| "unable to evaluate string as dictionary".to_owned());
    }
    if !text.contains('=') {
        return Err("dictionary requested, could not parse JSON or key=value".to_owned());
    }
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quote = None;
    let mut escaped = false;
    for c in text.trim().chars() {
        if escaped {
            field.push(c);
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if quote.is_none() && matches!(c, '\'' | '"') {
            quote = Some(c);
        } else if quote == Some(c) {
            quote = None;
        } else if quote.is_none() && matches!(c, ',' | ' ') {
            fields.push(std::mem::take(&mut field));
        } else {
            field.push(c);
        }
    }
    fields.push(field);
    fields
        .iter()
        .filter(|f| !f.is_empty())
        .map(|f| {
            f.split_once('=').ok_or("unable to evaluate string in the \"key=value\" format as dictionary".to_owned())
        })
        .collect()
}

/// `2K`, `1.5 MB`, `10Mb` (bits) as a number; units are powers of 1024.
pub(crate) fn human_to_bytes(text: &str, bits: bool) -> Option<Value> {
    let text = text.trim_end();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let unit = text[end..].trim();
    if unit.is_empty() {
        return Some(Value::Int(number.round_ties_even() as i64));
    }
    let first = unit.chars().next()?.to_ascii_uppercase();
    let names = [
        ('B', ""),
        ('K', "kilo"),
        ('M', "mega"),
        ('G', "giga"),
        ('T', "tera"),
        ('P', "peta"),
        ('E', "exa"),
        ('Z', "zeta"),
        ('Y', "yotta"),
    ];
    let power = names.iter().position(|(letter, _)| *letter == first)?;
    if unit.len() > 1 {
        let (word, letter) = if bits { ("bit", 'b') } else { ("byte", 'B') };
        let long = format!("{}{word}", names[power].1);
        let short = if first == 'B' { letter.to_string() } else { format!("{first}{letter}") };
        if unit.to_lowercase() != long && unit != short {
            return None;
        }
    }
    let number = (number * 1024_f64.powi(power as i32)).round_ties_even();
    (number < 9.2e18).then_some(Value::Int(number as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(kind: Kind, value: impl Into<Value>) -> Result<Value, String> {
        let variable = |name: &str| match name {
            "HOME" => Some("/home/me".to_owned()),
            "V" => Some("x".to_owned()),
            _ => None,
        };
        convert(kind, &value.into(), &Surroundings::new(variable))
    }

    #[test]
    fn anything_becomes_text_as_python_writes_it() {
        assert_eq!(to(Kind::Text, 1), Ok("1".into()));
        assert_eq!(to(Kind::Text, true), Ok("True".into()));
        assert_eq!(to(Kind::Text, 1.0), Ok("1.0".into()));
        assert_eq!(to(Kind::Text, vec!["it's"]), Ok("[\"it's\"]".into()));
    }

    #[test]
    fn paths_expand_home_and_variables_that_are_set() {
        assert_eq!(to(Kind::Path, "~/$V/${V}b/$NOT/a$"), Ok("/home/me/x/xb/$NOT/a$".into()));
        assert_eq!(to(Kind::Path, "~root/x"), Ok("/root/x".into()));
        assert_eq!(to(Kind::Path, "~no-such-user/x"), Ok("~no-such-user/x".into()));
    }

    #[test]
    fn booleans_are_words_and_numbers() {
        assert_eq!(to(Kind::Bool, "Yes"), Ok(true.into()));
        assert_eq!(to(Kind::Bool, 0), Ok(false.into()));
        assert!(to(Kind::Bool, "maybe").unwrap_err().starts_with("The value 'maybe' is not a valid boolean."));
    }

    #[test]
    fn numbers_come_from_text() {
        assert_eq!(to(Kind::Int, " 12 "), Ok(Value::Int(12)));
        assert_eq!(to(Kind::Int, "1.0"), Ok(Value::Int(1)));
        assert_eq!(to(Kind::Int, "x"), Err("\"'x'\" cannot be converted to an int".to_owned()));
        assert_eq!(to(Kind::Float, "1.5"), Ok(Value::Float(1.5)));
        assert_eq!(to(Kind::Bytes, "10M"), Ok(Value::Int(10 << 20)));
        assert_eq!(to(Kind::Bytes, "1.5 KB"), Ok(Value::Int(1536)));
        assert_eq!(to(Kind::Bits, "1Mb"), Ok(Value::Int(1 << 20)));
        assert!(to(Kind::Bytes, "1Mb").is_err());
    }

    #[test]
    fn lists_split_at_commas_and_maps_read_json_or_pairs() {
        assert_eq!(to(Kind::List, "a, b"), Ok(vec!["a", " b"].into()));
        assert_eq!(to(Kind::List, 3), Ok(vec!["3"].into()));
        let pairs = to(Kind::Map, "a=1, b='x y' c=d\\,e").unwrap();
        assert_eq!(pairs, Map::from_iter([("a", "1"), ("b", "x y"), ("c", "d,e")]).into());
        assert_eq!(to(Kind::Map, "{\"a\": 1}").unwrap(), Map::from_iter([("a", 1)]).into());
        assert!(to(Kind::Map, "nothing").is_err());
    }
}
