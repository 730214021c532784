//! The entries of a dict as pairs.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The entries of a dict as pairs.
pub static FILTER: Filter =
    Filter { name: "items", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let dict = call.input();
    if !py::is_mapping(dict) {
        return Err(TemplateError::type_error("Can only get item pairs from a mapping."));
    }
    let pair = |key: Mj| {
        let value = py::get_item(dict, &key);
        py::tuple(vec![key, value])
    };
    Ok(py::list(py::iterate(dict)?.into_iter().map(pair).collect()))
}
