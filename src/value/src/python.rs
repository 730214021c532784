//! Python's `str`, `repr`, truth and type names.

use std::borrow::Cow;
use std::fmt::{self, Write};

use crate::number::push_float;
use crate::{List, Map, Value};

impl Value {
    /// Python's `str()`: a text as it is, everything else as [`Value::repr`] (dates have a text of their own).
    ///
    /// A vault value that nobody decrypted shows its envelope.
    pub fn to_str(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text.as_str()),
            Self::Null => Cow::Borrowed("None"),
            Self::Bool(true) => Cow::Borrowed("True"),
            Self::Bool(false) => Cow::Borrowed("False"),
            Self::Vault(vaulted) => Cow::Borrowed(&vaulted.ciphertext),
            Self::Time(time) => Cow::Owned(time.to_string()),
            other => Cow::Owned(other.repr()),
        }
    }

    /// Python's `repr()`.
    pub fn repr(&self) -> String {
        let mut out = String::new();
        push_repr(&mut out, self);
        out
    }

    /// Python's truth: empty texts and containers, zero, `False` and `None` are false.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(b) => *b,
            Self::Int(i) => *i != 0,
            Self::Big(_) | Self::Vault(_) => true,
            Self::Float(f) => *f != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Time(time) => time.is_true(),
        }
    }

    /// The name of the Python type: `NoneType`, `bool`, `int`, `float`, `str`, `list`, `dict`, `datetime.date`, ...
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Big(_) => "int",
            Self::Float(_) => "float",
            Self::Text(_) | Self::Vault(_) => "str",
            Self::List(_) => "list",
            Self::Map(_) => "dict",
            Self::Time(time) => time.type_name(),
        }
    }
}

/// Python's `str()`, see [`Value::to_str`].
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_str())
    }
}

/// Appends Python's `repr()` of a value.
pub fn push_repr(out: &mut String, value: &Value) {
    match value {
        Value::Null | Value::Bool(_) => out.push_str(&value.to_str()),
        Value::Int(i) => write!(out, "{i}").unwrap_or_default(),
        Value::Big(big) => write!(out, "{big}").unwrap_or_default(),
        Value::Float(f) => push_float(out, *f),
        Value::Text(text) => push_str_repr(out, text),
        Value::Vault(vaulted) => push_str_repr(out, &vaulted.ciphertext),
        Value::List(list) => push_list(out, list),
        Value::Map(map) => push_map(out, map),
        Value::Time(time) => time.push_repr(out),
    }
}

fn push_list(out: &mut String, list: &List) {
    out.push('[');
    for (i, item) in list.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        push_repr(out, item);
    }
    out.push(']');
}

fn push_map(out: &mut String, map: &Map) {
    out.push('{');
    for (i, (key, value)) in map.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        push_repr(out, key);
        out.push_str(": ");
        push_repr(out, value);
    }
    out.push('}');
}

/// Appends Python's `repr()` of a string: single quotes unless only double quotes avoid an escape.
pub fn push_str_repr(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            c if is_printable(c) => out.push(c),
            c => {
                let code = c as u32;
                match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                }
                .unwrap_or_default();
            }
        }
    }
    out.push(quote);
}

/// Python's `str.isprintable` for one character: no controls, formats, surrogates, unassigned ones or separators.
///
/// Rust's own table of printable characters follows the same rule; it is reachable through `str::escape_debug`, which
/// leaves a combining character alone unless it comes first.
pub fn is_printable(c: char) -> bool {
    match c {
        ' '..='~' => true,
        '\0'..='\x7f' => false,
        c => {
            let mut pair = [b'a'; 5];
            let length = c.encode_utf8(&mut pair[1..]).len();
            std::str::from_utf8(&pair[..=length]).is_ok_and(|text| text.escape_debug().count() == 2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BigInt;

    #[test]
    fn text_and_repr_are_pythons() {
        let cases = [
            (Value::Null, "None"),
            (Value::from(true), "True"),
            (Value::from(1e16), "1e+16"),
            (Value::from(1.0), "1.0"),
            (Value::from("it's"), "\"it's\""),
            (Value::from("it's \"so\""), "'it\\'s \"so\"'"),
            (Value::from("a\tb\n\u{7f}\u{a0}\u{200b}é\u{1f600}e\u{301}"), "'a\\tb\\n\\x7f\\xa0\\u200bé😀e\u{301}'"),
            (Value::from("\u{e000}\u{10ffff}"), "'\\ue000\\U0010ffff'"),
            (Value::from_bigint(BigInt::from(2).pow(70)), "1180591620717411303424"),
            (Value::from(vec![Value::from("a"), Value::Null, Value::from(1.5)]), "['a', None, 1.5]"),
            (
                Map::from_iter([("a", Value::from(1)), ("b", Value::from(Vec::<Value>::new()))]).into(),
                "{'a': 1, 'b': []}",
            ),
        ];
        for (value, repr) in cases {
            assert_eq!(value.repr(), repr);
        }
        assert_eq!(Value::from("it's").to_str(), "it's");
        assert_eq!(Value::from(vec!["a"]).to_string(), "['a']");
    }

    #[test]
    fn truth_and_types_are_pythons() {
        for (value, truth, name) in [
            (Value::Null, false, "NoneType"),
            (Value::from(0.0), false, "float"),
            (Value::from("0"), true, "str"),
            (Value::from(""), false, "str"),
            (Map::new().into(), false, "dict"),
            (Value::from(vec![0]), true, "list"),
        ] {
            assert_eq!(value.is_true(), truth, "{value:?}");
            assert_eq!(value.type_name(), name);
        }
    }
}
