//! Lists side by side, as long as the longest; none stands for what is missing.

use crate::lookups::terms;
use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;

/// Lists side by side, as long as the longest; none stands for what is missing.
pub static LOOKUP: Lookup = Lookup { name: "together", collection: "ansible.builtin", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    if call.terms().is_empty() {
        return Err(call.error("with_together requires at least one element in each list"));
    }
    let mut lists = Vec::new();
    for term in call.terms() {
        lists.push(py::iterate(term)?);
    }
    let length = lists.iter().map(Vec::len).max().unwrap_or(0);
    let row =
        |at: usize| -> Vec<Mj> { lists.iter().map(|list| list.get(at).cloned().unwrap_or_else(py::none)).collect() };
    (0..length).map(|at| Ok(py::list(terms::flatten(&row(at))?))).collect()
}
