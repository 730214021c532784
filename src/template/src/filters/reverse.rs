//! The items in reverse order; text backwards.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The items in reverse order; text backwards.
pub static FILTER: Filter =
    Filter { name: "reverse", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    if let Some(text) = call.input().as_str() {
        return Ok(py::text(text.chars().rev().collect::<String>()));
    }
    let mut items =
        py::iterate(call.input()).map_err(|error| call.error(format!("argument must be iterable: {error}")))?;
    items.reverse();
    Ok(py::list(items))
}
