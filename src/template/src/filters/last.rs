//! The last item.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The last item.
pub static FILTER: Filter =
    Filter { name: "last", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    Ok(py::iterate(call.input())?
        .pop()
        .unwrap_or_else(|| py::marker(TemplateError::undefined("No last item, sequence was empty."))))
}
