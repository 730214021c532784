//! JSON as Python's `json` module writes and reads it.

use std::fmt::Write;
use std::ops::Range;

use crate::error::ValueError;
use crate::number::{parse_int, push_float};
use crate::order::sort_by_key;
use crate::{Map, Text, Value};

/// How [`dumps`] writes: the arguments of Python's `json.dumps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonStyle {
    /// What one level is indented by; `None` keeps everything on one line.
    pub indent: Option<String>,
    /// Sort keys.
    pub sort_keys: bool,
    /// Write everything beyond ASCII as `\uXXXX`.
    pub ensure_ascii: bool,
    /// Between items and between key and value; `None` is Python's default for this indent.
    pub separators: Option<(String, String)>,
}

impl Default for JsonStyle {
    fn default() -> Self {
        Self { indent: None, sort_keys: false, ensure_ascii: true, separators: None }
    }
}

impl JsonStyle {
    /// `indent` spaces a level, keys sorted: `to_nice_json`.
    pub fn nice(indent: usize) -> Self {
        Self { indent: Some(" ".repeat(indent)), sort_keys: true, ..Self::default() }
    }
}

/// Python's `json.dumps`. Fails when keys that cannot be ordered are to be sorted, or a key is a container.
pub fn dumps(value: &Value, style: &JsonStyle) -> Result<String, ValueError> {
    let (item, key) = match (&style.separators, &style.indent) {
        (Some((item, key)), _) => (item.as_str(), key.as_str()),
        (None, Some(_)) => (",", ": "),
        (None, None) => (", ", ": "),
    };
    let mut writer = Writer { out: String::new(), style, item, key };
    writer.value(value, 0)?;
    Ok(writer.out)
}

struct Writer<'a> {
    out: String,
    style: &'a JsonStyle,
    item: &'a str,
    key: &'a str,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), ValueError> {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(b) => self.out.push_str(if *b { "true" } else { "false" }),
            Value::Int(i) => write!(self.out, "{i}").unwrap_or_default(),
            Value::Big(big) => write!(self.out, "{big}").unwrap_or_default(),
            Value::Float(f) => self.float(*f),
            Value::Text(text) => push_string(&mut self.out, text, self.style.ensure_ascii),
            Value::Vault(vaulted) => push_string(&mut self.out, &vaulted.ciphertext, self.style.ensure_ascii),
            Value::Time(time) => push_string(&mut self.out, &time.isoformat(), self.style.ensure_ascii),
            Value::List(list) => {
                if list.is_empty() {
                    self.out.push_str("[]");
                    return Ok(());
                }
                self.out.push('[');
                for (i, item) in list.iter().enumerate() {
                    self.separate(i, depth + 1);
                    self.value(item, depth + 1)?;
                }
                self.newline(depth);
                self.out.push(']');
            }
            Value::Map(map) => return self.map(map, depth),
        }
        Ok(())
    }

    fn map(&mut self, map: &Map, depth: usize) -> Result<(), ValueError> {
        if map.is_empty() {
            self.out.push_str("{}");
            return Ok(());
        }
        self.out.push('{');
        let mut entries: Vec<(&Value, &Value)> = map.iter().collect();
        if self.style.sort_keys {
            sort_by_key(&mut entries, false, |(key, _)| (*key).clone())?;
        }
        for (i, (key, value)) in entries.into_iter().enumerate() {
            self.separate(i, depth + 1);
            match key {
                Value::Text(text) => push_string(&mut self.out, text, self.style.ensure_ascii),
                Value::Null | Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::Float(_) => {
                    self.out.push('"');
                    self.value(key, depth)?;
                    self.out.push('"');
                }
                Value::Time(_) | Value::Vault(_) => self.value(key, depth)?,
                Value::List(_) | Value::Map(_) => {
                    let name = key.type_name();
                    return Err(ValueError::type_error(format!(
                        "keys must be str, int, float, bool or None, not {name}"
                    )));
                }
            }
            self.out.push_str(self.key);
            self.value(value, depth + 1)?;
        }
        self.newline(depth);
        self.out.push('}');
        Ok(())
    }

    fn float(&mut self, number: f64) {
        if number.is_nan() {
            self.out.push_str("NaN");
        } else if number.is_infinite() {
            self.out.push_str(if number > 0.0 { "Infinity" } else { "-Infinity" });
        } else {
            push_float(&mut self.out, number);
        }
    }

    fn separate(&mut self, index: usize, depth: usize) {
        if index > 0 {
            self.out.push_str(self.item);
        }
        self.newline(depth);
    }

    fn newline(&mut self, depth: usize) {
        if let Some(indent) = &self.style.indent {
            self.out.push('\n');
            for _ in 0..depth {
                self.out.push_str(indent);
            }
        }
    }
}

/// Appends a JSON string with Python's escapes.
pub fn push_string(out: &mut String, text: &str, ensure_ascii: bool) {
    out.push('"');
    let mut plain = 0;
    for (at, c) in text.char_indices() {
        let escape = match c {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\u{8}' => "\\b",
            '\u{c}' => "\\f",
            ' '..='~' => continue,
            '\0'..='\x1f' => "",
            _ if ensure_ascii => "",
            _ => continue,
        };
        out.push_str(&text[plain..at]);
        plain = at + c.len_utf8();
        if escape.is_empty() {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}").unwrap_or_default();
            }
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// Text that is not JSON, with the message of Python's `JSONDecodeError`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}: line {line} column {column} (char {char})")]
pub struct JsonError {
    /// What is wrong, such as `Expecting value`.
    pub problem: &'static str,
    /// One-based line.
    pub line: usize,
    /// One-based column in characters.
    pub column: usize,
    /// Zero-based character.
    pub char: usize,
    /// Byte offset, for spans.
    pub offset: usize,
}

/// Python's `json.loads`; texts are data.
pub fn loads(text: &str) -> Result<Value, JsonError> {
    loads_with(text, |string, _| Text::data(string))
}

/// Python's `json.loads`, where `make` turns each string and the bytes it was written at into a text: for files of the
/// user, whose strings are trusted and have a place.
pub fn loads_with(text: &str, make: impl FnMut(String, Range<usize>) -> Text) -> Result<Value, JsonError> {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0, make };
    let value = (|| {
        if text.starts_with('\u{feff}') {
            return reader.fail("Unexpected UTF-8 BOM (decode using utf-8-sig)", 0);
        }
        reader.space();
        let value = reader.value(0)?;
        reader.space();
        if reader.at < text.len() { reader.fail("Extra data", reader.at) } else { Ok(value) }
    })();
    value.map_err(|Problem { problem, offset }| {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        JsonError {
            problem,
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            char: before.chars().count(),
            offset,
        }
    })
}

/// Deeper nesting is refused; Python gives up near here as well.
const DEEPEST: usize = 900;

struct Problem {
    problem: &'static str,
    offset: usize,
}

struct Reader<'a, F> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    make: F,
}

impl<F: FnMut(String, Range<usize>) -> Text> Reader<'_, F> {
    #[expect(clippy::unused_self, reason = "reads as the reader failing")]
    fn fail<T>(&self, problem: &'static str, offset: usize) -> Result<T, Problem> {
        Err(Problem { problem, offset })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Problem> {
        if depth > DEEPEST {
            return self.fail("Too deeply nested", self.at);
        }
        let start = self.at;
        match self.peek() {
            Some(b'"') => {
                let string = self.string()?;
                Ok(Value::Text((self.make)(string, start..self.at)))
            }
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Value, Problem> {
        for (word, value) in [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::Float(f64::NAN)),
            ("Infinity", Value::Float(f64::INFINITY)),
        ] {
            if self.bytes[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        self.fail("Expecting value", self.at)
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<Value, Problem> {
        let start = self.at;
        if self.bytes[start..].starts_with(b"-Infinity") {
            self.at += 9;
            return Ok(Value::Float(f64::NEG_INFINITY));
        }
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else if self.digits() == 0 {
            return self.fail("Expecting value", start);
        }
        let mut whole = true;
        let before = self.at;
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                self.at = before;
            } else {
                whole = false;
            }
        }
        let before = self.at;
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                self.at = before;
            } else {
                whole = false;
            }
        }
        let text = &self.text[start..self.at];
        if whole {
            return match text.parse() {
                Ok(small) => Ok(Value::Int(small)),
                Err(_) => parse_int(text, 10).or_else(|_| self.fail("Expecting value", start)),
            };
        }
        text.parse().map(Value::Float).or_else(|_| self.fail("Expecting value", start))
    }

    /// A string; `at` is on its opening quote.
    fn string(&mut self) -> Result<String, Problem> {
        let begin = self.at;
        self.at += 1;
        let mut out = String::new();
        let mut plain = self.at;
        loop {
            match self.peek() {
                None => return self.fail("Unterminated string starting at", begin),
                Some(b'"') => {
                    out.push_str(&self.text[plain..self.at]);
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    out.push_str(&self.text[plain..self.at]);
                    self.escape(begin, &mut out)?;
                    plain = self.at;
                }
                Some(0..=0x1f) => return self.fail("Invalid control character at", self.at),
                Some(_) => self.at += 1,
            }
        }
    }

    /// An escape; `at` is on the backslash.
    fn escape(&mut self, begin: usize, out: &mut String) -> Result<(), Problem> {
        let Some(kind) = self.bytes.get(self.at + 1) else {
            return self.fail("Unterminated string starting at", begin);
        };
        let c = match kind {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let Some(unit) = self.hex(self.at + 2) else {
                    return self.fail("Invalid \\uXXXX escape", self.at + 1);
                };
                self.at += 6;
                if (0xd800..0xdc00).contains(&unit)
                    && self.bytes[self.at..].starts_with(b"\\u")
                    && let Some(low @ 0xdc00..0xe000) = self.hex(self.at + 2)
                {
                    self.at += 6;
                    let code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                    out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    return Ok(());
                }
                // A lone surrogate has no place in Rust's strings; Python keeps it and fails when it is written.
                out.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
                return Ok(());
            }
            _ => return self.fail("Invalid \\escape", self.at),
        };
        out.push(c);
        self.at += 2;
        Ok(())
    }

    fn hex(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 4)?;
        digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
    }

    fn array(&mut self, depth: usize) -> Result<Value, Problem> {
        self.at += 1;
        self.space();
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(items.into()));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    self.space();
                }
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::List(items.into()));
                }
                _ => return self.fail("Expecting ',' delimiter", self.at),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Problem> {
        self.at += 1;
        self.space();
        let mut map = Map::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Map(map));
        }
        loop {
            let start = self.at;
            if self.peek() != Some(b'"') {
                return self.fail("Expecting property name enclosed in double quotes", start);
            }
            let key = self.string()?;
            let key = (self.make)(key, start..self.at);
            self.space();
            if self.peek() != Some(b':') {
                return self.fail("Expecting ':' delimiter", self.at);
            }
            self.at += 1;
            self.space();
            let value = self.value(depth + 1)?;
            map.insert(key, value);
            self.space();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    self.space();
                }
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Map(map));
                }
                _ => return self.fail("Expecting ',' delimiter", self.at),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::BigInt;

    fn sample() -> Value {
        Map::from_iter([
            ("b", Value::from(vec![Value::from(1), 1.0.into(), 1e16.into(), Value::Null, true.into()])),
            ("a", Value::from("é\u{1f600}\"\\/\u{7f}\u{1}\n\u{8}\u{c}<")),
            ("e", Map::new().into()),
            ("l", Value::from(Vec::<Value>::new())),
            ("n", Value::from(f64::NAN)),
            ("i", Value::from(f64::NEG_INFINITY)),
            ("g", Value::from_bigint(BigInt::from(2).pow(64))),
        ])
        .into()
    }

    /// Every expectation was printed by Python 3.11.
    #[test]
    fn dumps_is_pythons() {
        assert_eq!(
            dumps(&sample(), &JsonStyle::default()).unwrap(),
            r#"{"b": [1, 1.0, 1e+16, null, true], "a": "\u00e9\ud83d\ude00\"\\/\u007f\u0001\n\b\f<", "e": {}, "l": [], "n": NaN, "i": -Infinity, "g": 18446744073709551616}"#
        );
        let style = JsonStyle { ensure_ascii: false, ..JsonStyle::nice(2) };
        let nested: Value =
            Map::from_iter([("b", Value::from(vec![1, 2])), ("a", "é\u{7f}".into()), ("c", Map::new().into())]).into();
        assert_eq!(
            dumps(&nested, &style).unwrap(),
            "{\n  \"a\": \"é\u{7f}\",\n  \"b\": [\n    1,\n    2\n  ],\n  \"c\": {}\n}"
        );
        let compact = JsonStyle { separators: Some((",".into(), ":".into())), ..JsonStyle::default() };
        assert_eq!(dumps(&nested, &compact).unwrap(), "{\"b\":[1,2],\"a\":\"\\u00e9\\u007f\",\"c\":{}}");
    }

    #[test]
    fn keys_become_text_and_unsortable_ones_fail() {
        let mut map = Map::new();
        map.insert(1, "i");
        map.insert(1.5, "f");
        map.insert(false, "b");
        map.insert(Value::Null, "n");
        let value = Value::Map(map);
        assert_eq!(
            dumps(&value, &JsonStyle::default()).unwrap(),
            r#"{"1": "i", "1.5": "f", "false": "b", "null": "n"}"#
        );
        let value = Map::from_iter([(Value::from("a"), 1), (Value::from(1), 2)]).into();
        let error = dumps(&value, &JsonStyle::nice(4)).unwrap_err();
        assert_eq!(error.to_string(), "'<' not supported between instances of 'int' and 'str'");
    }

    #[test]
    fn loads_is_pythons() {
        let value =
            loads(" {\"a\": [1, -0.5, 1e2, 18446744073709551616, \"\\u00e9\\ud83d\\ude00\\n\"], \"a b\": NaN} ")
                .unwrap();
        assert_eq!(value.repr(), "{'a': [1, -0.5, 100.0, 18446744073709551616, 'é😀\\n'], 'a b': nan}");
        for (text, want) in [
            ("", "Expecting value: line 1 column 1 (char 0)"),
            ("{\"a\" 1}", "Expecting ':' delimiter: line 1 column 6 (char 5)"),
            ("[1\n 2]", "Expecting ',' delimiter: line 2 column 2 (char 4)"),
            ("{'a': 1}", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
            ("{\"a\": 1,}", "Expecting property name enclosed in double quotes: line 1 column 9 (char 8)"),
            ("\"é\" x", "Extra data: line 1 column 5 (char 4)"),
            ("\"abc", "Unterminated string starting at: line 1 column 1 (char 0)"),
            ("\"a\nb\"", "Invalid control character at: line 1 column 3 (char 2)"),
            ("\"\\x\"", "Invalid \\escape: line 1 column 2 (char 1)"),
            ("[1,]", "Expecting value: line 1 column 4 (char 3)"),
            ("01", "Extra data: line 1 column 2 (char 1)"),
            ("-", "Expecting value: line 1 column 1 (char 0)"),
        ] {
            assert_eq!(loads(text).unwrap_err().to_string(), want, "{text}");
        }
        assert!(loads(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn texts_can_know_their_place() {
        let mut places = Vec::new();
        loads_with("{\"a\": \"b\\n\"}", |string, range| {
            places.push(range);
            Text::data(string)
        })
        .unwrap();
        assert_eq!(places, [1..4, 6..11]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = loads(&text);
        }

        #[test]
        fn strings_survive(text in any::<String>(), ascii in any::<bool>()) {
            let style = JsonStyle { ensure_ascii: ascii, ..JsonStyle::default() };
            let value = Value::from(text);
            prop_assert_eq!(loads(&dumps(&value, &style).unwrap()).unwrap(), value);
        }

        #[test]
        fn floats_survive(number in any::<f64>().prop_filter("finite", |f| f.is_finite())) {
            let text = dumps(&Value::Float(number), &JsonStyle::default()).unwrap();
            prop_assert_eq!(loads(&text).unwrap().as_float().unwrap().to_bits(), number.to_bits());
        }
    }
}
