//! A value as it leaves a template: everything lazy rendered, tuples as lists. One of ansible-core's own internals, there
//! for playbooks that test templating.

use crate::{Filter, FilterCall, TemplateError, protomatter, py};
use minijinja::Value as Mj;

/// A value as it leaves a template: everything lazy rendered, tuples as lists.
pub static FILTER: Filter = Filter {
    name: "finalize",
    collection: protomatter::COLLECTION,
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let (value, _) = protomatter::untag(call.input());
    py::to_value(&value).map(py::from_value)
}
