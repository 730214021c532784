//! An error kept as a value as a dict that tells about it; anything else as it is. One of ansible-core's own internals,
//! there for playbooks that test templating.

use crate::engine::{Asked, finish};
use crate::{Filter, FilterCall, TemplateError, protomatter, py};
use minijinja::Value as Mj;

/// An error kept as a value as a dict that tells about it; anything else as it is.
pub static FILTER: Filter = Filter {
    name: "dump_object",
    collection: protomatter::COLLECTION,
    aliases: &[],
    params: &[],
    accepts_undefined: true,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let (value, _) = protomatter::untag(call.input());
    match value.downcast_object_ref::<py::Marker>() {
        Some(marker) if !marker.error().is_undefined() => {
            let error = finish(marker.error().clone(), Asked::Template, call.scope());
            let message = py::text(error.message());
            Ok(py::dict_of([("exception", py::dict_of([("message", message)]))]))
        }
        _ => Ok(value),
    }
}
