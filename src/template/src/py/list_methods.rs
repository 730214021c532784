//! Methods of `list` and `tuple`.

use minijinja::Value as Mj;

use super::methods::Args;
use super::{List, Tuple, equal, iterate, none, sort};
use crate::TemplateError;

/// Every method name.
pub(super) const NAMES: &[&str] = &[
    "append",
    "clear",
    "copy",
    "count",
    "extend",
    "index",
    "insert",
    "pop",
    "remove",
    "reverse",
    "sort",
    "__setitem__",
    "__len__",
];

pub(super) fn call(owner: &Mj, list: &List, call: &Args<'_>) -> Result<Mj, TemplateError> {
    match call.name {
        "append" => {
            call.most(1)?;
            let item = call.need(0, "object")?.clone();
            list.change(|items| items.push(item));
        }
        "clear" => list.change(Vec::clear),
        "copy" => return Ok(super::list(list.copied())),
        "extend" => {
            let more = iterate(call.need(0, "iterable")?)?;
            list.change(|items| items.extend(more));
        }
        "insert" => {
            let at = call.opt_int(0, "index")?.unwrap_or(0);
            let item = call.need(1, "object")?.clone();
            list.change(|items| {
                let len = items.len() as i64;
                let at = if at < 0 { at + len } else { at }.clamp(0, len);
                items.insert(at as usize, item);
            });
        }
        "pop" => {
            let at = call.opt_int(0, "index")?.unwrap_or(-1);
            return list.change(|items| {
                let len = items.len() as i64;
                if len == 0 {
                    return Err(TemplateError::value_error("pop from empty list"));
                }
                let at = if at < 0 { at + len } else { at };
                if !(0..len).contains(&at) {
                    return Err(TemplateError::value_error("pop index out of range"));
                }
                Ok(items.remove(at as usize))
            });
        }
        "remove" => {
            let item = call.need(0, "value")?;
            let found = list.items().iter().position(|other| equal(item, other));
            match found {
                Some(at) => drop(list.change(|items| items.remove(at))),
                None => return Err(TemplateError::value_error("list.remove(x): x not in list")),
            }
        }
        "reverse" => list.change(|items| items.reverse()),
        "sort" => {
            let reverse = call.get(usize::MAX, "reverse").is_some_and(Mj::is_true);
            let mut items = list.items();
            sort(&mut items, |item| item, reverse)?;
            list.change(|place| *place = items);
        }
        "__setitem__" => {
            let at = call.opt_int(0, "key")?.unwrap_or(0);
            let item = call.need(1, "value")?.clone();
            return list.change(|items| {
                let len = items.len() as i64;
                let at = if at < 0 { at + len } else { at };
                match usize::try_from(at).ok().and_then(|at| items.get_mut(at)) {
                    Some(place) => {
                        *place = item;
                        Ok(none())
                    }
                    None => Err(TemplateError::value_error("list assignment index out of range")),
                }
            });
        }
        "__len__" => return Ok(Mj::from(list.len())),
        "count" | "index" => return search(&list.items(), call, "list"),
        _ => return Ok(super::get_attr(owner, call.name)),
    }
    Ok(none())
}

pub(super) fn call_tuple(tuple: &Tuple, call: &Args<'_>) -> Result<Mj, TemplateError> {
    match call.name {
        "count" | "index" => search(tuple, call, "tuple"),
        name => Err(TemplateError::undefined(format!("object of type 'tuple' has no attribute '{name}'"))),
    }
}

fn search(items: &[Mj], call: &Args<'_>, kind: &str) -> Result<Mj, TemplateError> {
    let item = call.need(0, "value")?;
    if call.name == "count" {
        return Ok(Mj::from(items.iter().filter(|other| equal(item, other)).count()));
    }
    let len = items.len() as i64;
    let bound = |at: Option<i64>, default: i64| {
        at.map_or(default, |at| if at < 0 { at + len } else { at }).clamp(0, len) as usize
    };
    let (start, stop) = (bound(call.opt_int(1, "start")?, 0), bound(call.opt_int(2, "stop")?, len));
    let found = items.get(start..stop.max(start)).and_then(|items| items.iter().position(|other| equal(item, other)));
    match found {
        Some(at) => Ok(Mj::from(start + at)),
        None if kind == "list" => Err(TemplateError::value_error(format!("{} is not in list", super::repr(item)))),
        None => Err(TemplateError::value_error("tuple.index(x): x not in tuple")),
    }
}
