//! What is in either list, each item once.

use crate::filters::sets;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// What is in either list, each item once.
pub static FILTER: Filter = Filter {
    name: "union",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["b"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let (mut a, b) = sets::operands(call)?;
    a.extend(b);
    Ok(py::list(sets::distinct(a)))
}
