//! Every word with a capital first letter.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Every word with a capital first letter.
pub static FILTER: Filter =
    Filter { name: "title", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let text = py::str(call.input());
    let mut out = String::with_capacity(text.len());
    let mut at_start = true;
    for c in text.chars() {
        if c.is_whitespace() || "-({[<".contains(c) {
            out.push(c);
            at_start = true;
        } else if at_start {
            out.extend(c.to_uppercase());
            at_start = false;
        } else {
            out.extend(c.to_lowercase());
        }
    }
    Ok(py::text(out))
}
