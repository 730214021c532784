//! What is in one list or another but not in both, list after list.

use crate::filters::sets::Members;
use crate::filters::{sets, several_lists};
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// What is in one list or another but not in both, list after list.
pub static FILTER: Filter = Filter {
    name: "lists_symmetric_difference",
    collection: "community.general",
    aliases: &[],
    params: &["*", "flatten"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let mut lists = several_lists::lists(call)?.into_iter();
    let Some(first) = lists.next() else { return Ok(py::list(Vec::new())) };
    let kept = lists.fold(first, |kept, list| {
        let (ours, theirs) = (Members::of(&kept), Members::of(&list));
        let all = sets::distinct(kept.into_iter().chain(list).collect());
        all.into_iter().filter(|item| !(ours.has(item) && theirs.has(item))).collect()
    });
    Ok(py::list(kept))
}
