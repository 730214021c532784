//! Every line but the first (with `first`, that one too) moved right by `width` blanks or by a text.

use crate::filters::lines::split_lines;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Every line but the first (with `first`, that one too) moved right by `width` blanks or by a text.
pub static FILTER: Filter = Filter {
    name: "indent",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["width", "first", "blank"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let Some(text) = call.input().as_str() else {
        let message = format!("unsupported operand type(s) for +=: '{}' and 'str'", py::type_name(call.input()));
        return Err(TemplateError::type_error(message));
    };
    let indention = match call.opt("width") {
        Some(width) if width.as_str().is_some() => py::str(width),
        _ => {
            let width = usize::try_from(call.int("width", 4)?).unwrap_or(0);
            py::limits::text(width)?;
            " ".repeat(width)
        }
    };
    // A closing newline makes a last, empty line, so that it survives.
    let text = format!("{text}\n");
    let lines = split_lines(&text);
    py::limits::text(indention.len().saturating_mul(lines.len()))?;
    let blank = call.bool("blank", false)?;
    let mut out = String::with_capacity(text.len() + lines.len() * indention.len());
    for (i, line) in lines.iter().enumerate() {
        if i > 0 {
            out.push('\n');
            if blank || !line.is_empty() {
                out.push_str(&indention);
            }
        } else if call.bool("first", false)? {
            out.push_str(&indention);
        }
        out.push_str(line);
    }
    Ok(py::text(out))
}
