//! Python's `str` methods that several filters share: `splitlines`, `strip`, and HTML escaping.

use crate::{FilterCall, TemplateError, py};

/// The input of a filter that works on text alone; `method` is what Python misses on anything else.
pub(crate) fn text_input(call: &FilterCall<'_>, method: &str) -> Result<String, TemplateError> {
    call.input().as_str().map(str::to_owned).ok_or_else(|| {
        let name = py::type_name(call.input());
        TemplateError::type_error(format!("'{name}' object has no attribute '{method}'"))
    })
}

/// `str.splitlines()`: every line boundary Python knows, without an empty last line.
pub(crate) fn split_lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let is_end =
            matches!(c, '\n' | '\r' | '\x0b' | '\x0c' | '\x1c' | '\x1d' | '\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}');
        if !is_end {
            continue;
        }
        lines.push(&text[start..at]);
        start = at + c.len_utf8();
        if c == '\r' && chars.next_if(|(_, next)| *next == '\n').is_some() {
            start += 1;
        }
    }
    if start < text.len() {
        lines.push(&text[start..]);
    }
    lines
}

/// Text safe inside HTML, as MarkupSafe writes it.
pub(crate) fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&#34;"),
            c => out.push(c),
        }
    }
    out
}

/// `urllib.parse.quote`: bytes that are not unreserved or in `safe` as `%XX`.
pub(crate) fn url_quote(text: &str, safe: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let c = char::from(byte);
        if byte.is_ascii_alphanumeric() || "_.-~".contains(c) || byte.is_ascii() && safe.contains(c) {
            out.push(c);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// `urllib.parse.unquote_plus`.
pub(crate) fn url_unquote(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let source = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = source.get(at) {
        let hex = (byte == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        if let Some(decoded) =
            hex.filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit())).and_then(|h| u8::from_str_radix(h, 16).ok())
        {
            bytes.push(decoded);
            at += 3;
        } else {
            bytes.push(if byte == b'+' { b' ' } else { byte });
            at += 1;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_split_as_in_python() {
        assert_eq!(split_lines("a\r\nb\rc\n"), ["a", "b", "c"]);
        assert_eq!(split_lines("\n\na"), ["", "", "a"]);
        assert_eq!(split_lines(""), [""; 0]);
        assert_eq!(split_lines("a\u{2028}b"), ["a", "b"]);
    }

    #[test]
    fn urls_are_quoted_and_back() {
        assert_eq!(url_quote("a b/ü&", "/"), "a%20b/%C3%BC%26");
        assert_eq!(url_unquote("a+b%2Fc%C3%BC%zz"), "a b/cü%zz");
    }
}
