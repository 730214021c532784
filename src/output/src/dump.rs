//! Results as text.

use rplay_value::{JsonStyle, Map, Text, Value, json};
use rplay_yaml::{DumpStyle, dump};

use crate::terminal::{Look, ResultFormat};

/// How far YAML is indented, and JSON when it is.
const INDENT: usize = 4;

/// A result as it follows `=> `: sorted keys, on one line unless `pretty` or very verbose.
pub(crate) fn result(data: &Map, pretty: bool, look: &Look) -> String {
    indented(data, (pretty || look.verbosity > 2 || look.pretty == Some(true)).then_some(INDENT), look)
}

/// A result with this indentation, unless `pretty_results` forbids one.
pub(crate) fn indented(data: &Map, indent: Option<usize>, look: &Look) -> String {
    let mut shown = data.clone();
    for key in ["exception", "warnings", "deprecations"] {
        shown.remove(key);
    }
    if look.verbosity < 3 {
        shown.remove("invocation");
        shown.remove("diff");
    }
    if look.results == ResultFormat::Json {
        return dumps(&Value::Map(shown), indent.filter(|_| look.pretty != Some(false)), false);
    }
    let lossy = look.pretty != Some(false);
    if lossy {
        // The lines say the same as the text, which YAML shows line by line.
        for (text, lines) in [("stdout", "stdout_lines"), ("stderr", "stderr_lines")] {
            if shown.contains(text) && shown.contains(lines) {
                shown.insert(lines, "<omitted>");
            }
        }
    }
    let indent = lossy.then_some(INDENT as i32);
    format!("\n{}", yaml(&Value::Map(shown), indent, lossy))
}

/// Attributes before or after a change, as the difference shows them.
pub(crate) fn attributes(map: &Map, look: &Look) -> String {
    let value = Value::Map(map.clone());
    match look.results {
        ResultFormat::Json => dumps(&value, Some(INDENT), true) + "\n",
        ResultFormat::Yaml => yaml(&value, Some(INDENT as i32), look.pretty != Some(false)) + "\n",
    }
}

/// Custom statistics on one line.
pub(crate) fn statistics(map: &Map, look: &Look) -> String {
    match look.results {
        ResultFormat::Json => dumps(&Value::Map(map.clone()), Some(1), false),
        ResultFormat::Yaml => indented(map, Some(1), look),
    }
    .replace('\n', "")
}

pub(crate) fn dumps(value: &Value, indent: Option<usize>, ensure_ascii: bool) -> String {
    let style = JsonStyle { indent: indent.map(|n| " ".repeat(n)), sort_keys: true, ensure_ascii, separators: None };
    json::dumps(value, &style)
        .or_else(|_| json::dumps(value, &JsonStyle { sort_keys: false, ..style }))
        .unwrap_or_else(|_| value.repr())
}

/// YAML in block style, every line indented. Texts of several lines are literal blocks; `lossy` changes what a literal
/// block cannot hold.
fn yaml(value: &Value, indent: Option<i32>, lossy: bool) -> String {
    let style = DumpStyle { indent, flow: Some(false), literal: Some(has_breaks), ..DumpStyle::default() };
    let shown = if lossy { readable(value) } else { value.clone() };
    let text = dump(&shown, &style).unwrap_or_else(|_| value.repr());
    let margin = " ".repeat(INDENT);
    text.split_inclusive('\n')
        .map(|line| if line.trim().is_empty() { line.to_owned() } else { format!("{margin}{line}") })
        .collect()
}

/// The characters libyaml takes for line ends.
fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn has_breaks(text: &str) -> bool {
    text.contains(is_break)
}

fn readable(value: &Value) -> Value {
    match value {
        Value::Text(text) if has_breaks(text) => Value::Text(Text::data(without_specials(text))),
        Value::List(list) => Value::List(list.iter().map(readable).collect()),
        Value::Map(map) => Value::Map(map.iter().map(|(key, value)| (readable(key), readable(value))).collect()),
        other => other.clone(),
    }
}

/// What a literal block can hold: no trailing space, no tabs, no control characters.
fn without_specials(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut column = 0;
    for c in text.trim_end().chars() {
        match c {
            '\t' => {
                let width = 8 - column % 8;
                out.extend(std::iter::repeat_n(' ', width));
                column += width;
            }
            c if is_break(c) => {
                out.truncate(out.trim_end_matches(' ').len());
                if c == '\n' || !c.is_control() || c == '\u{85}' {
                    out.push(c);
                }
                column = 0;
            }
            c if c.is_control() || c == '\u{feff}' || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                column = if c == '\r' { 0 } else { column + 1 };
            }
            c => {
                out.push(c);
                column += 1;
            }
        }
    }
    out
}
