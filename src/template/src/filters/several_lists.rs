//! What the `lists_*` filters share: any number of lists, perhaps inside one list.

use minijinja::Value as Mj;

use crate::py::{self, Kind};
use crate::{FilterCall, TemplateError};

/// The lists of a call; with `flatten`, lists of lists opened and empty ones left out.
pub(crate) fn lists(call: &FilterCall<'_>) -> Result<Vec<Vec<Mj>>, TemplateError> {
    let flatten = call.bool("flatten", false)?;
    let is_list = |value: &Mj| matches!(py::kind(value), Kind::List(_) | Kind::Tuple(_));
    let mut out = Vec::new();
    for term in std::iter::once(call.input()).chain(call.rest()) {
        if !is_list(term) {
            let message = format!("All arguments must be lists. {} is {}", py::str(term), py::type_name(term));
            return Err(call.error(message));
        }
        let items = py::iterate(term)?;
        if flatten && items.iter().all(is_list) {
            for item in &items {
                out.push(py::iterate(item)?);
            }
        } else {
            out.push(items);
        }
    }
    Ok(out)
}
