//! Laying dicts over one another, as `combine` does.

use minijinja::Value as Mj;
use rplay_value::ListMerge;

use crate::TemplateError;
use crate::py::{self, Dict, Kind};

/// `high` laid over `low`. Values are not looked into unless two dicts or lists meet under one key.
pub(crate) fn merge(low: &Mj, high: &Mj, recursive: bool, lists: ListMerge) -> Result<Mj, TemplateError> {
    let (Kind::Dict(low_dict), Kind::Dict(high_dict)) = (py::kind(low), py::kind(high)) else {
        py::trip(low)?;
        py::trip(high)?;
        let (a, b) = (py::type_name(low), py::type_name(high));
        let message = format!("failed to combine variables, expected dicts but got a '{a}' and a '{b}'.");
        return Err(TemplateError::plugin(message));
    };
    if low_dict.is_empty() {
        return Ok(high.clone());
    }
    if high_dict.is_empty() {
        return Ok(low.clone());
    }
    let out = Dict::new();
    for (key, value) in low_dict.pairs() {
        out.set(key, value)?;
    }
    for (key, later) in high_dict.pairs() {
        let earlier = out.get(&key)?;
        let merged = match earlier {
            None => later,
            Some(earlier) => match (py::kind(&earlier), py::kind(&later)) {
                (Kind::Dict(_), Kind::Dict(_)) if recursive => merge(&earlier, &later, true, lists)?,
                (Kind::List(a), Kind::List(b)) => py::list(merge_lists(a.items(), b.items(), lists)),
                _ => later,
            },
        };
        out.set(key, merged)?;
    }
    Ok(Mj::from_object(out))
}

fn merge_lists(earlier: Vec<Mj>, later: Vec<Mj>, how: ListMerge) -> Vec<Mj> {
    let without = |items: Vec<Mj>, others: &[Mj]| {
        items.into_iter().filter(|item| !others.iter().any(|other| py::equal(item, other))).collect::<Vec<_>>()
    };
    match how {
        ListMerge::Replace => later,
        ListMerge::Keep => earlier,
        ListMerge::Append => earlier.into_iter().chain(later).collect(),
        ListMerge::Prepend => later.into_iter().chain(earlier).collect(),
        ListMerge::AppendRp => without(earlier, &later).into_iter().chain(later).collect(),
        ListMerge::PrependRp => {
            let rest = without(earlier, &later);
            later.into_iter().chain(rest).collect()
        }
    }
}
