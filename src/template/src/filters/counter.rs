//! How often each item occurs, as a dict.

use crate::py::Dict;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// How often each item occurs, as a dict.
pub static FILTER: Filter = Filter {
    name: "counter",
    collection: "community.general",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    if !py::is_sequence(call.input()) || py::is_mapping(call.input()) {
        let (shown, name) = (py::str(call.input()), py::type_name(call.input()));
        let message =
            format!("Argument for community.general.counter must be a sequence (string or list). {shown} is {name}");
        return Err(call.error(message));
    }
    let out = Dict::new();
    for item in py::iterate(call.input())? {
        let count = out.get(&item).map_err(|e| {
            call.error(format!(
                "community.general.counter needs a sequence with hashable elements (int, float or str) - {e}"
            ))
        })?;
        let count = count.as_ref().and_then(py::as_index).unwrap_or(0);
        out.set(item, Mj::from(count + 1))?;
    }
    Ok(Mj::from_object(out))
}
