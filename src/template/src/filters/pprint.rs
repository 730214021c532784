//! A value as Python shows it; long text over several lines. ansible-core 2.19's containers are not broken up either.

use minijinja::Value as Mj;

use crate::{Filter, FilterCall, TemplateError, py};

/// A value as Python shows it.
pub static FILTER: Filter =
    Filter { name: "pprint", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

/// Columns a line may have.
const WIDTH: usize = 80;

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    Ok(py::text(match call.input().as_str() {
        Some(text) => literals(text),
        None => py::repr(call.input()),
    }))
}

/// Text too long for a line becomes several literals in parentheses, broken after blanks.
fn literals(text: &str) -> String {
    let literal = |text: &str| py::repr(&py::text(text));
    let length = |text: &str| text.chars().count();
    let whole = literal(text);
    if length(&whole) <= WIDTH {
        return whole;
    }
    let mut chunks: Vec<String> = Vec::new();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for (i, line) in lines.iter().enumerate() {
        let is_last_line = i + 1 == lines.len();
        // The opening parenthesis takes a column, the closing one a column of the last line.
        let room = |last: bool| WIDTH - 1 - usize::from(last);
        if length(&literal(line)) <= room(is_last_line) {
            chunks.push(literal(line));
            continue;
        }
        let words = words_with_blanks(line);
        let mut current = String::new();
        for (j, word) in words.iter().enumerate() {
            let candidate = format!("{current}{word}");
            if length(&literal(&candidate)) > room(is_last_line && j + 1 == words.len()) {
                if !current.is_empty() {
                    chunks.push(literal(&current));
                }
                (*word).clone_into(&mut current);
            } else {
                current = candidate;
            }
        }
        if !current.is_empty() {
            chunks.push(literal(&current));
        }
    }
    if chunks.len() <= 1 { whole } else { format!("({})", chunks.join("\n ")) }
}

/// Runs of non-blanks, each with the blanks after it.
fn words_with_blanks(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut in_blank) = (0, false);
    for (at, c) in text.char_indices() {
        if in_blank && !c.is_whitespace() {
            words.push(&text[start..at]);
            start = at;
        }
        in_blank = c.is_whitespace();
    }
    if start < text.len() {
        words.push(&text[start..]);
    }
    words
}
