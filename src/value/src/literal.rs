//! Python literals, as `ast.literal_eval` reads them: values in INI inventories and other places that quote Python.

use crate::number::parse_int;
use crate::{Map, Value};

/// Text that is not a Python literal, with the byte where reading stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a Python literal (at byte {offset})")]
pub struct LiteralError {
    /// Byte offset of the problem.
    pub offset: usize,
}

/// Reads one literal: numbers, strings, lists, tuples and sets (both become lists), mappings, `True`, `False`, `None`.
///
/// Bytes, complex numbers and `...` have no counterpart here and are refused. Strings are data.
pub fn literal_eval(text: &str) -> Result<Value> {
    read(text, false)
}

/// As [`literal_eval`], with JSON's `true`, `false` and `null` beside Python's: what templates of releases before 2.19
/// did with text that begins like a list or a mapping.
pub fn with_json_names(text: &str) -> Result<Value> {
    read(text, true)
}

fn read(text: &str, json: bool) -> Result<Value> {
    let mut reader = Reader { text, at: 0, depth: 0, json };
    reader.at = text.len() - text.trim_start_matches([' ', '\t']).len();
    let lines = text[reader.at..].trim_start_matches(['\n', '\r']);
    if lines.len() < text.len() - reader.at && lines.starts_with([' ', '\t']) {
        // Python's unexpected indent: only the first line's is taken away.
        return Err(reader.refuse());
    }
    reader.space(true);
    let mut value = reader.value()?;
    reader.space(false);
    if reader.peek() == Some(b',') {
        let mut items = vec![value];
        while reader.peek() == Some(b',') {
            reader.at += 1;
            reader.space(false);
            if matches!(reader.peek(), None | Some(b'\n')) {
                break;
            }
            items.push(reader.value()?);
            reader.space(false);
        }
        value = Value::from(items);
    }
    reader.space(true);
    if reader.at < text.len() { Err(reader.refuse()) } else { Ok(value) }
}

const DEEPEST: usize = 200;

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// Whether JSON's names are known.
    json: bool,
}

type Result<T> = std::result::Result<T, LiteralError>;

impl Reader<'_> {
    fn refuse(&self) -> LiteralError {
        LiteralError { offset: self.at }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Skips blanks and comments, and line ends where they do not matter.
    fn space(&mut self, lines: bool) {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\x0c' => self.at += 1,
                b'\n' | b'\r' if lines => self.at += 1,
                b'\\' if self.text[self.at..].starts_with("\\\n") => self.at += 2,
                b'#' => self.at += self.text[self.at..].find('\n').unwrap_or(self.text.len() - self.at),
                _ => break,
            }
        }
    }

    fn value(&mut self) -> Result<Value> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.refuse());
        }
        let value = match self.peek() {
            Some(b'[') => self.sequence(b']').map(|(items, _)| Value::from(items)),
            Some(b'(') => self.sequence(b')').map(|(mut items, comma)| match (items.len(), comma) {
                (1, false) => items.remove(0),
                _ => Value::from(items),
            }),
            Some(b'{') => self.braces(),
            Some(sign @ (b'+' | b'-')) => {
                self.at += 1;
                self.space(false);
                let number = self.number()?;
                if sign == b'-' { number.negate().map_err(|_| self.refuse()) } else { Ok(number) }
            }
            Some(b'0'..=b'9' | b'.') => self.number(),
            Some(b'\'' | b'"') => self.strings(),
            _ => self.word(),
        };
        self.depth -= 1;
        value
    }

    fn word(&mut self) -> Result<Value> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let word = &rest[..end];
        let value = match word {
            "True" => Value::Bool(true),
            "False" => Value::Bool(false),
            "None" => Value::Null,
            "true" if self.json => Value::Bool(true),
            "false" if self.json => Value::Bool(false),
            "null" if self.json => Value::Null,
            "u" | "U" | "r" | "R" if rest[end..].starts_with(['\'', '"']) => return self.strings(),
            "set" => {
                let empty = rest[end..].trim_start_matches([' ', '\t']).strip_prefix('(').map(str::trim_start);
                let after = empty.and_then(|e| e.strip_prefix(')')).ok_or_else(|| self.refuse())?;
                self.at = self.text.len() - after.len();
                return Ok(Value::from(Vec::<Value>::new()));
            }
            _ => return Err(self.refuse()),
        };
        self.at += end;
        Ok(value)
    }

    /// Items up to the closing bracket, and whether a comma was seen.
    fn sequence(&mut self, close: u8) -> Result<(Vec<Value>, bool)> {
        self.at += 1;
        let mut items = Vec::new();
        let mut comma = false;
        loop {
            self.space(true);
            if self.peek() == Some(close) {
                self.at += 1;
                // `()` is an empty tuple, `(1)` a number.
                return Ok((items, comma));
            }
            if !items.is_empty() && !comma {
                return Err(self.refuse());
            }
            items.push(self.value()?);
            self.space(true);
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    comma = true;
                }
                Some(byte) if byte == close => comma = comma && items.len() > 1,
                _ => return Err(self.refuse()),
            }
        }
    }

    /// A mapping or a set.
    fn braces(&mut self) -> Result<Value> {
        self.at += 1;
        let mut map = Map::new();
        let mut is_map = None;
        loop {
            self.space(true);
            if self.peek() == Some(b'}') {
                self.at += 1;
                break;
            }
            let key = self.value()?;
            self.space(true);
            let pair = self.peek() == Some(b':');
            if *is_map.get_or_insert(pair) != pair {
                return Err(self.refuse());
            }
            if pair {
                if matches!(key, Value::List(_) | Value::Map(_)) {
                    return Err(self.refuse());
                }
                self.at += 1;
                self.space(true);
                let value = self.value()?;
                map.insert(key, value);
                self.space(true);
            } else {
                map.insert(key, Value::Null);
            }
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {}
                _ => return Err(self.refuse()),
            }
        }
        if is_map == Some(false) {
            return Ok(Value::List(map.keys().cloned().collect()));
        }
        Ok(Value::Map(map))
    }

    fn number(&mut self) -> Result<Value> {
        let rest = &self.text[self.at..];
        let bytes = rest.as_bytes();
        let radix = bytes.len() > 1 && bytes[0] == b'0' && matches!(bytes[1], b'x' | b'X' | b'o' | b'O' | b'b' | b'B');
        let mut end = 0;
        while let Some(byte) = bytes.get(end) {
            let exponent_sign =
                !radix && matches!(byte, b'+' | b'-') && end > 0 && matches!(bytes[end - 1], b'e' | b'E');
            if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.') || exponent_sign {
                end += 1;
            } else {
                break;
            }
        }
        let digits = &rest[..end];
        let value = if radix || !digits.contains(['.', 'e', 'E']) {
            parse_int(digits, 0).ok()
        } else {
            // The word forms `inf` and `nan` never reach here: a number starts with a digit or a dot.
            crate::number::parse_float(digits).ok().map(Value::Float)
        };
        let value = value.ok_or_else(|| self.refuse())?;
        self.at += end;
        Ok(value)
    }

    /// One string literal or several in a row, which Python joins.
    fn strings(&mut self) -> Result<Value> {
        let mut out = String::new();
        loop {
            let raw = match self.peek() {
                Some(b'r' | b'R') => {
                    self.at += 1;
                    true
                }
                Some(b'u' | b'U') => {
                    self.at += 1;
                    false
                }
                _ => false,
            };
            self.string(raw, &mut out)?;
            let end = self.at;
            self.space(self.depth > 1);
            let next = &self.text.as_bytes()[self.at..];
            let quoted = |bytes: &[u8]| matches!(bytes.first(), Some(b'\'' | b'"'));
            let prefixed = matches!(next.first(), Some(b'r' | b'R' | b'u' | b'U')) && quoted(&next[1..]);
            if !quoted(next) && !prefixed {
                self.at = end;
                return Ok(Value::from(out));
            }
        }
    }

    fn string(&mut self, raw: bool, out: &mut String) -> Result<()> {
        let rest = &self.text[self.at..];
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"')).ok_or_else(|| self.refuse())?;
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        let long = rest.starts_with(&triple);
        self.at += if long { 3 } else { 1 };
        loop {
            let rest = &self.text[self.at..];
            let Some(c) = rest.chars().next() else { return Err(self.refuse()) };
            if long && rest.starts_with(&triple) {
                self.at += 3;
                return Ok(());
            }
            if !long && c == quote {
                self.at += 1;
                return Ok(());
            }
            match c {
                '\n' if !long => return Err(self.refuse()),
                '\\' if raw => {
                    out.push('\\');
                    self.at += 1;
                    let next = self.text[self.at..].chars().next().ok_or_else(|| self.refuse())?;
                    out.push(next);
                    self.at += next.len_utf8();
                }
                '\\' => self.escape(out)?,
                c => {
                    out.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
    }

    /// An escape; `at` is on the backslash.
    fn escape(&mut self, out: &mut String) -> Result<()> {
        self.at += 1;
        let rest = &self.text[self.at..];
        let c = rest.chars().next().ok_or_else(|| self.refuse())?;
        self.at += c.len_utf8();
        let simple = match c {
            '\n' => return Ok(()),
            '\\' | '\'' | '"' => c,
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'x' => return self.code(2, out),
            'u' => return self.code(4, out),
            'U' => return self.code(8, out),
            '0'..='7' => {
                let digits = rest.bytes().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
                self.at += digits - 1;
                let code = u32::from_str_radix(&rest[..digits], 8).unwrap_or_default();
                char::from_u32(code).ok_or_else(|| self.refuse())?
            }
            'N' => return Err(self.refuse()),
            other => {
                out.push('\\');
                other
            }
        };
        out.push(simple);
        Ok(())
    }

    fn code(&mut self, digits: usize, out: &mut String) -> Result<()> {
        let text = self.text.get(self.at..self.at + digits).ok_or_else(|| self.refuse())?;
        if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(self.refuse());
        }
        let code = u32::from_str_radix(text, 16).ok().and_then(char::from_u32);
        out.push(code.ok_or_else(|| self.refuse())?);
        self.at += digits;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every expectation was printed by Python 3.11 (tuples and sets as lists).
    #[test]
    fn literals_are_pythons() {
        for (text, want) in [
            ("1", "1"),
            ("(1,2)", "[1, 2]"),
            ("1, 2", "[1, 2]"),
            ("-1", "-1"),
            ("- 1", "-1"),
            ("1_0", "10"),
            ("0x1f", "31"),
            ("'a' 'b'", "'ab'"),
            ("u'a'", "'a'"),
            ("{1,2}", "[1, 2]"),
            ("{'a':1,}", "{'a': 1}"),
            ("[1,]", "[1]"),
            ("(1)", "1"),
            ("()", "[]"),
            ("(1,)", "[1]"),
            ("  1", "1"),
            ("\n1\n", "1"),
            ("'\\x41\\u0042\\n\\q'", "'AB\\n\\\\q'"),
            ("r'\\n'", "'\\\\n'"),
            ("'''a\nb'''", "'a\\nb'"),
            ("1e3", "1000.0"),
            ("1.", "1.0"),
            (".5", "0.5"),
            ("1.5e-3", "0.0015"),
            ("00", "0"),
            ("1 # c", "1"),
            ("{}", "{}"),
            ("set()", "[]"),
            ("[\n1,\n2\n]", "[1, 2]"),
            ("'\\101'", "'A'"),
            ("'a\\\nb'", "'ab'"),
            ("{'a': [1, {'b': None}], 2: (3, )}", "{'a': [1, {'b': None}], 2: [3]}"),
            ("True", "True"),
            ("None", "None"),
        ] {
            assert_eq!(literal_eval(text).map(|v| v.repr()), Ok(want.to_owned()), "{text}");
        }
        for text in [
            "1+2",
            "{**{}}",
            "[*a]",
            "f''",
            "-'a'",
            "--1",
            "01",
            "1__0",
            "1;2",
            "[1 2]",
            "1 2",
            "'open",
            "nan",
            "~1",
            "10L",
            "True and False",
            "'\\x4'",
            "[1,,2]",
            "(,)",
            "-  -1",
            "{1:2, 3}",
            "1j",
            "b'a'",
            "...",
            "",
            "yes",
            "{[1]: 2}",
            "a b",
        ] {
            assert!(literal_eval(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[\\[\\](){}'\"\\\\0-9a-z,:. \n#ru-]{0,30}") {
            let _ = literal_eval(&text);
        }

        #[test]
        fn a_repr_reads_back(text in any::<String>()) {
            let value = Value::from(vec![Value::from(text)]);
            prop_assert_eq!(literal_eval(&value.repr()), Ok(value));
        }
    }
}
