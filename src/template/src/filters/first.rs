//! The first item.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The first item.
pub static FILTER: Filter =
    Filter { name: "first", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    Ok(py::iterate(call.input())?
        .into_iter()
        .next()
        .unwrap_or_else(|| py::marker(TemplateError::undefined("No first item, sequence was empty."))))
}
