//! Where a text was written: `path:line:column`, or none. One of ansible-core's own internals, there for playbooks that
//! test templating.

use crate::{Filter, FilterCall, TemplateError, protomatter, py};
use minijinja::Value as Mj;

/// Where a text was written: `path:line:column`, or none.
pub static FILTER: Filter = Filter {
    name: "origin",
    collection: protomatter::COLLECTION,
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let (_, tags) = protomatter::untag(call.input());
    Ok(tags.origin.map_or_else(py::none, py::text))
}
