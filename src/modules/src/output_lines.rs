//! `stdout_lines` and `stderr_lines`, which ansible-core's actions add to every result with an output.

use rplay_value::{List, Map, Value};

/// Adds them where they are not yet.
pub(crate) fn add(data: &mut Map) {
    for (text, lines) in [("stdout", "stdout_lines"), ("stderr", "stderr_lines")] {
        if data.contains(lines) {
            continue;
        }
        if let Some(text) = data.get(text).and_then(Value::as_str) {
            let items: List = split(text).collect();
            data.insert(lines, items);
        }
    }
}

/// Python's `str.splitlines`.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let is_break = |c: char| {
            matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
        };
        let Some(at) = rest.find(is_break) else { return Some(std::mem::take(&mut rest)) };
        let line = &rest[..at];
        let after = &rest[at..];
        let width = if after.starts_with("\r\n") { 2 } else { after.chars().next().map_or(0, char::len_utf8) };
        rest = &after[width..];
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_where_python_cuts_them() {
        let mut data = Map::from_iter([("stdout", Value::from("a\r\nb\u{85}c\n")), ("stderr", "".into())]);
        data.insert("stderr_lines", vec!["kept"]);
        add(&mut data);
        assert_eq!(data.get("stdout_lines"), Some(&vec!["a", "b", "c"].into()));
        assert_eq!(data.get("stderr_lines"), Some(&vec!["kept"].into()));
    }
}
