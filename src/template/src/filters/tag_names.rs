//! The names of what ansible-core would have tagged a value with: `Origin`, `TrustedAsTemplate`, `VaultedValue`. One of
//! ansible-core's own internals, there for playbooks that test templating.

use crate::{Filter, FilterCall, TemplateError, protomatter, py};
use minijinja::Value as Mj;

/// The names of what ansible-core would have tagged a value with.
pub static FILTER: Filter = Filter {
    name: "tag_names",
    collection: protomatter::COLLECTION,
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let (_, tags) = protomatter::untag(call.input());
    Ok(py::list(tags.names().into_iter().map(py::text).collect()))
}
