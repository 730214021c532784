//! What is in all of several lists, each item once.

use crate::filters::sets::Members;
use crate::filters::{sets, several_lists};
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// What is in all of several lists, each item once.
pub static FILTER: Filter = Filter {
    name: "lists_intersect",
    collection: "community.general",
    aliases: &[],
    params: &["*", "flatten"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let mut lists = several_lists::lists(call)?.into_iter();
    let Some(first) = lists.next() else { return Ok(py::list(Vec::new())) };
    if lists.len() == 0 {
        return Ok(py::list(first));
    }
    let kept = lists.fold(sets::distinct(first), |kept, list| {
        let members = Members::of(&list);
        kept.into_iter().filter(|item| members.has(item)).collect()
    });
    Ok(py::list(kept))
}
