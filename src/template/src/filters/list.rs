//! The items as a list: characters of text, keys of a dict.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The items as a list: characters of text, keys of a dict.
pub static FILTER: Filter =
    Filter { name: "list", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    Ok(py::list(py::iterate(call.input())?))
}
