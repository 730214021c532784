//! Dicts laid over one another, later ones winning. `recursive` merges dicts inside, `list_merge` says what becomes of lists.

use crate::filters::merging::merge;
use crate::py::Kind;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_value::ListMerge;

/// Dicts laid over one another, later ones winning. `recursive` merges dicts inside, `list_merge` says what becomes of lists.
pub static FILTER: Filter = Filter {
    name: "combine",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["*", "recursive", "list_merge", "**"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    if !call.keywords().is_empty() {
        return Err(call.error("'recursive' and 'list_merge' are the only valid keyword arguments"));
    }
    let lists = call.text_or("list_merge", "replace")?;
    let lists: ListMerge = lists.parse().map_err(|()| {
        call.error(
            "merge_hash: 'list_merge' argument can only be equal to 'replace', 'keep', 'append', 'prepend', 'append_rp' or 'prepend_rp'",
        )
    })?;
    let recursive = call.bool("recursive", false)?;
    let mut dicts = Vec::new();
    for term in std::iter::once(call.input()).chain(call.rest()) {
        match py::kind(term) {
            Kind::List(_) | Kind::Tuple(_) => {
                dicts.extend(py::iterate(term)?.into_iter().filter(|item| !item.is_none()));
            }
            Kind::None => {}
            _ => dicts.push(term.clone()),
        }
    }
    if recursive {
        dicts.iter().try_for_each(py::limits::depth)?;
    }
    let mut dicts = dicts.into_iter();
    let Some(mut merged) = dicts.next() else { return Ok(py::dict_of([])) };
    for dict in dicts {
        merged = merge(&merged, &dict, recursive, lists)?;
    }
    Ok(merged)
}
