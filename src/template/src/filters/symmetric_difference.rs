//! What is in one of the lists but not in both, each item once.

use crate::filters::sets::{self, Members};
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// What is in one of the lists but not in both, each item once.
pub static FILTER: Filter = Filter {
    name: "symmetric_difference",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["b"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let (a, b) = sets::operands(call)?;
    let (in_a, in_b) = (Members::of(&a), Members::of(&b));
    let mut out: Vec<_> = a.into_iter().filter(|item| !in_b.has(item)).collect();
    out.extend(b.into_iter().filter(|item| !in_a.has(item)));
    Ok(py::list(sets::distinct(out)))
}
