//! What is in the first list but not in the second, each item once.

use crate::filters::sets::{self, Members};
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// What is in the first list but not in the second, each item once.
pub static FILTER: Filter = Filter {
    name: "difference",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["b"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let (a, b) = sets::operands(call)?;
    let b = Members::of(&b);
    Ok(py::list(sets::distinct(a.into_iter().filter(|item| !b.has(item)).collect())))
}
