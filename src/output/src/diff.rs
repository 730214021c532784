//! A result's `diff` as ansible shows it.

use std::fmt::Write as _;

use rplay_value::{Map, Value};

use crate::difflib::unified_diff;
use crate::dump::attributes;
use crate::terminal::{Color, Look, colored};

/// The text of a list of differences; empty when none of them shows anything.
pub(crate) fn text(diffs: &[Map], look: &Look) -> String {
    let mut out = String::new();
    for diff in diffs {
        for (key, which) in [("dst_binary", "destination"), ("src_binary", "source")] {
            if diff.contains(key) {
                let _ = writeln!(out, "diff skipped: {which} file appears to be binary");
            }
        }
        for (key, which) in [("dst_larger", "destination"), ("src_larger", "source")] {
            if let Some(size) = diff.get(key) {
                let _ = writeln!(out, "diff skipped: {which} file size is greater than {}", size.to_str());
            }
        }
        if let (Some(before), Some(after)) = (diff.get("before"), diff.get("after")) {
            let (before, after) = (side(before, look), side(after, look));
            let header = |side: &str, key: &str| match diff.get(key) {
                Some(header) => format!("{side}: {}", header.to_str()),
                None => side.to_owned(),
            };
            let (from, to) = (header("before", "before_header"), header("after", "after_header"));
            let (a, b) = (lines(&before), lines(&after));
            let (a, b): (Vec<&str>, Vec<&str>) =
                (a.iter().map(String::as_str).collect(), b.iter().map(String::as_str).collect());
            let changes = unified_diff(&a, &b, &from, &to, look.diff_context);
            for line in &changes {
                let color = match line.as_bytes().first() {
                    Some(b'+') => Some(Color::DiffAdd),
                    Some(b'-') => Some(Color::DiffRemove),
                    Some(b'@') if line.starts_with("@@") => Some(Color::DiffLines),
                    _ => None,
                };
                out.push_str(&colored(line, color, look.palette()));
            }
            if !changes.is_empty() {
                out.push('\n');
            }
        }
        if let Some(prepared) = diff.get("prepared") {
            out.push_str(&prepared.to_str());
        }
    }
    out
}

fn side(value: &Value, look: &Look) -> String {
    match value {
        Value::Null => String::new(),
        Value::Map(map) => attributes(map, look),
        other => other.to_str().into_owned(),
    }
}

/// Lines with their ends, as Python's `splitlines(True)`; the last one says when it has no newline.
fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let ends = matches!(c, '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}');
        if !ends || c == '\r' && chars.peek().is_some_and(|(_, next)| *next == '\n') {
            continue;
        }
        let end = at + c.len_utf8();
        lines.push(text[start..end].to_owned());
        start = end;
    }
    if start < text.len() {
        lines.push(text[start..].to_owned());
    }
    if let Some(last) = lines.last_mut().filter(|l| !l.ends_with('\n')) {
        last.push_str("\n\\ No newline at end of file\n");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_python_ends_them() {
        assert_eq!(lines("a\r\nb\rc\u{2028}d\n\n"), ["a\r\n", "b\r", "c\u{2028}", "d\n", "\n"]);
        assert_eq!(lines("a\nb"), ["a\n", "b\n\\ No newline at end of file\n"]);
        assert!(lines("").is_empty());
    }
}
