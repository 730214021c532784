//! Lists of dicts merged by an index attribute, sorted by it.

use crate::filters::merging::merge;
use crate::py::{Dict, Kind};
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_value::ListMerge;

/// Lists of dicts merged by an index attribute, sorted by it.
pub static FILTER: Filter = Filter {
    name: "lists_mergeby",
    collection: "community.general",
    aliases: &[],
    params: &["*", "recursive", "list_merge"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let how = call.text_or("list_merge", "replace")?;
    let how: ListMerge = how.parse().map_err(|()| {
        call.error(format!("'list_merge' must be one of {}", rplay_diag::quoted_list(ListMerge::NAMES)))
    })?;
    let recursive = call.bool("recursive", false)?;
    let Some((index, more)) = call.rest().split_last() else {
        return Err(call.error("At least one list and index are needed."));
    };
    let mut lists: Vec<Vec<Mj>> = Vec::new();
    for term in std::iter::once(call.input()).chain(more) {
        let (Kind::List(_) | Kind::Tuple(_)) = py::kind(term) else {
            let message = "All arguments before the argument index for community.general.lists_mergeby must be lists.";
            return Err(call.error(format!("{message} {} is {}", py::str(term), py::type_name(term))));
        };
        let items = py::iterate(term)?;
        if items.is_empty() {
            continue;
        }
        if items.iter().all(|item| matches!(py::kind(item), Kind::List(_) | Kind::Tuple(_))) {
            for item in &items {
                lists.push(py::iterate(item)?);
            }
        } else {
            lists.push(items);
        }
    }
    if lists.len() <= 1 {
        return Ok(py::list(lists.pop().unwrap_or_default()));
    }
    if index.as_str().is_none() {
        return Err(call.error(format!(
            "First argument after the lists for community.general.lists_mergeby must be string. {} is {}",
            py::str(index),
            py::type_name(index)
        )));
    }
    let merged = Dict::new();
    for item in lists.into_iter().flatten() {
        if !py::is_mapping(&item) {
            let message = "Elements of list arguments for lists_mergeby must be dictionaries.";
            return Err(call.error(format!("{message} {} is {}", py::str(&item), py::type_name(&item))));
        }
        if !py::contains(&item, index)? {
            continue;
        }
        let key = py::get_item(&item, index);
        let next = match merged.get(&key)? {
            Some(known) => merge(&known, &item, recursive, how)?,
            None => item,
        };
        merged.set(key, next)?;
    }
    let mut rows = merged.pairs();
    py::sort(&mut rows, |row| &row.0, false)?;
    Ok(py::list(rows.into_iter().map(|row| row.1).collect()))
}
