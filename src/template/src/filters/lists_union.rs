//! What is in any of several lists, each item once.

use crate::filters::{sets, several_lists};
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// What is in any of several lists, each item once.
pub static FILTER: Filter = Filter {
    name: "lists_union",
    collection: "community.general",
    aliases: &[],
    params: &["*", "flatten"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let lists = several_lists::lists(call)?;
    if lists.len() == 1 {
        return Ok(py::list(lists.into_iter().flatten().collect()));
    }
    Ok(py::list(sets::distinct(lists.into_iter().flatten().collect())))
}
