//! Text in lines of at most `width` (79) characters.

use crate::filters::lines::{split_lines, text_input};
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Text in lines of at most `width` (79) characters.
pub static FILTER: Filter = Filter {
    name: "wordwrap",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["width", "break_long_words", "wrapstring", "break_on_hyphens"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let text = text_input(call, "splitlines")?;
    let width = call.int("width", 79)?;
    let Some(width) = usize::try_from(width).ok().filter(|width| *width > 0) else {
        return Err(TemplateError::value_error(format!("invalid width {width} (must be > 0)")));
    };
    let newline = call.opt("wrapstring").filter(|w| !w.is_none()).map_or_else(|| "\n".to_owned(), py::str);
    let (long, hyphens) = (call.bool("break_long_words", true)?, call.bool("break_on_hyphens", true)?);
    let lines: Vec<String> =
        split_lines(&text).iter().map(|line| wrap(line, width, long, hyphens).join(&newline)).collect();
    Ok(py::text(lines.join(&newline)))
}

/// Python's `textwrap` without touching blanks inside lines.
fn wrap(text: &str, width: usize, break_long: bool, hyphens: bool) -> Vec<String> {
    let mut chunks: Vec<String> = chunks(text, hyphens);
    chunks.reverse();
    let length = |text: &str| text.chars().count();
    let mut lines = Vec::new();
    while !chunks.is_empty() {
        let mut line: Vec<String> = Vec::new();
        let mut used = 0;
        if !lines.is_empty() && chunks.last().is_some_and(|chunk| chunk.trim().is_empty()) {
            chunks.pop();
        }
        while let Some(chunk) = chunks.last()
            && used + length(chunk) <= width
        {
            used += length(chunk);
            line.extend(chunks.pop());
        }
        if let Some(chunk) = chunks.last()
            && length(chunk) > width
        {
            if break_long {
                let room = (width - used).max(1).min(width.max(1));
                let room = if width == used { 0 } else { room };
                let mut at = room;
                if hyphens && length(chunk) > room {
                    let head: Vec<char> = chunk.chars().take(room).collect();
                    if let Some(dash) = head.iter().rposition(|c| *c == '-')
                        && dash > 0
                        && head[..dash].iter().any(|c| *c != '-')
                    {
                        at = dash + 1;
                    }
                }
                if at > 0 {
                    let head: String = chunk.chars().take(at).collect();
                    let rest: String = chunk.chars().skip(at).collect();
                    line.push(head);
                    chunks.pop();
                    chunks.push(rest);
                }
            } else if line.is_empty() {
                line.extend(chunks.pop());
            }
        }
        if line.last().is_some_and(|chunk| chunk.trim().is_empty()) {
            line.pop();
        }
        if !line.is_empty() {
            lines.push(line.concat());
        }
    }
    lines
}

/// Words, blanks, and parts of words up to a hyphen.
fn chunks(text: &str, hyphens: bool) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let blank = chars[at].is_whitespace();
        let start = at;
        while at < chars.len() && chars[at].is_whitespace() == blank {
            at += 1;
        }
        let word = &chars[start..at];
        if blank || !hyphens {
            out.push(word.iter().collect());
            continue;
        }
        let mut from = 0;
        for i in 0..word.len() {
            // A hyphen breaks between letters: two word characters before it, one after it.
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let before = i >= from + 2 && is_word(word[i - 1]) && word[i - 1].is_alphabetic() && is_word(word[i - 2]);
            let after =
                word.get(i + 1).is_some_and(|c| c.is_alphabetic()) && word.get(i + 2).is_some_and(|c| is_word(*c));
            if word[i] == '-' && before && after {
                out.push(word[from..=i].iter().collect());
                from = i + 1;
            }
        }
        out.push(word[from..].iter().collect());
    }
    out
}
