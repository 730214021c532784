//! Text quoted for a shell.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Text quoted for a shell.
pub static FILTER: Filter =
    Filter { name: "quote", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let input = call.input();
    let text = if input.is_none() { String::new() } else { py::str(input) };
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    Ok(py::text(if !text.is_empty() && text.chars().all(is_safe) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\"'\"'"))
    }))
}
