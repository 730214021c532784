//! A value over several lines when it does not fit one, as Python's `pprint`.

use crate::py::Kind;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A value over several lines when it does not fit one, as Python's `pprint`.
pub static FILTER: Filter =
    Filter { name: "pprint", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

/// Columns a line may have.
const WIDTH: usize = 80;

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let mut out = String::new();
    write(call.input(), 0, 0, &mut out)?;
    Ok(py::text(out))
}

/// Writes a value that starts in column `indent` and has `allowance` characters after it.
fn write(value: &Mj, indent: usize, allowance: usize, out: &mut String) -> Result<(), TemplateError> {
    py::trip(value)?;
    let sorted = sorted(value)?;
    let line = py::repr(&sorted);
    let room = WIDTH.saturating_sub(indent + allowance);
    if line.chars().count() <= room {
        out.push_str(&line);
        return Ok(());
    }
    match py::kind(&sorted) {
        Kind::Dict(dict) if !dict.is_empty() => {
            out.push('{');
            let pairs = dict.pairs();
            for (i, (key, value)) in pairs.iter().enumerate() {
                let key = py::repr(key);
                if i > 0 {
                    out.push_str(&format!(",\n{}", " ".repeat(indent + 1)));
                }
                out.push_str(&key);
                out.push_str(": ");
                let rest = if i + 1 == pairs.len() { allowance + 1 } else { 1 };
                write(value, indent + key.chars().count() + 3, rest, out)?;
            }
            out.push('}');
        }
        Kind::List(list) if !list.is_empty() => write_items(&list.items(), ('[', "]"), indent, allowance, out)?,
        Kind::Tuple(items) if !items.is_empty() => {
            let end = if items.len() == 1 { ",)" } else { ")" };
            write_items(items, ('(', end), indent, allowance, out)?;
        }
        Kind::Str(text) => write_text(text, indent, allowance, out),
        _ => out.push_str(&line),
    }
    Ok(())
}

fn sorted(value: &Mj) -> Result<Mj, TemplateError> {
    Ok(match py::kind(value) {
        Kind::Dict(dict) => {
            let mut pairs = dict.pairs();
            // Keys that have no order stay as they are.
            if pairs.windows(2).all(|pair| py::less(&pair[0].0, &pair[1].0).is_ok()) {
                py::sort(&mut pairs, |pair| &pair.0, false)?;
            }
            let pairs = pairs.into_iter().map(|(key, value)| Ok((key, sorted(&value)?)));
            py::dict(pairs.collect::<Result<Vec<_>, TemplateError>>()?)?
        }
        Kind::List(list) => py::list(list.items().iter().map(sorted).collect::<Result<_, _>>()?),
        Kind::Tuple(items) => py::tuple(items.iter().map(sorted).collect::<Result<_, _>>()?),
        _ => value.clone(),
    })
}

fn write_items(
    items: &[Mj],
    (open, close): (char, &str),
    indent: usize,
    allowance: usize,
    out: &mut String,
) -> Result<(), TemplateError> {
    out.push(open);
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(&format!(",\n{}", " ".repeat(indent + 1)));
        }
        let rest = if i + 1 == items.len() { allowance + close.len() } else { 1 };
        write(item, indent + 1, rest, out)?;
    }
    out.push_str(close);
    Ok(())
}

/// Text too long for a line becomes several literals, broken after blanks.
fn write_text(text: &str, indent: usize, allowance: usize, out: &mut String) {
    let literal = |text: &str| py::repr(&py::text(text));
    let outermost = indent == 0;
    let indent = if outermost { 1 } else { indent };
    let mut chunks: Vec<String> = Vec::new();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for (i, line) in lines.iter().enumerate() {
        let is_last = i + 1 == lines.len();
        let room =
            |last: bool| WIDTH.saturating_sub(indent + if last { allowance + usize::from(outermost) } else { 0 });
        if literal(line).chars().count() <= room(is_last) {
            chunks.push(literal(line));
            continue;
        }
        let words = words_with_blanks(line);
        let mut current = String::new();
        for (j, word) in words.iter().enumerate() {
            let candidate = format!("{current}{word}");
            let last = is_last && j + 1 == words.len();
            if literal(&candidate).chars().count() > room(last) {
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
    if chunks.len() <= 1 {
        out.push_str(&literal(text));
        return;
    }
    let joined = chunks.join(&format!("\n{}", " ".repeat(indent)));
    if outermost { out.push_str(&format!("({joined})")) } else { out.push_str(&joined) }
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
