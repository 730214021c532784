//! Lists side by side, as long as the longest; `fillvalue` (none) stands for what is missing.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Lists side by side, as long as the longest; `fillvalue` (none) stands for what is missing.
pub static FILTER: Filter = Filter {
    name: "zip_longest",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["*", "fillvalue"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let mut lists = Vec::new();
    for list in std::iter::once(call.input()).chain(call.rest()) {
        lists.push(py::iterate(list)?);
    }
    let fill = call.opt("fillvalue").cloned().unwrap_or_else(py::none);
    let length = lists.iter().map(Vec::len).max().unwrap_or(0);
    let row = |at: usize| py::tuple(lists.iter().map(|list| list.get(at).unwrap_or(&fill).clone()).collect());
    Ok(py::list((0..length).map(row).collect()))
}
