//! Methods of `dict`.

use minijinja::Value as Mj;

use super::methods::Args;
use super::{Dict, Key, Kind, iterate, kind, none, tuple};
use crate::TemplateError;

/// Every method name.
pub(super) const NAMES: &[&str] = &[
    "clear",
    "copy",
    "fromkeys",
    "get",
    "items",
    "keys",
    "pop",
    "popitem",
    "setdefault",
    "update",
    "values",
    "__setitem__",
    "__len__",
    "__getitem__",
    "__contains__",
    "__delitem__",
];

pub(super) fn call(dict: &Dict, call: &Args<'_>) -> Result<Mj, TemplateError> {
    Ok(match call.name {
        "get" => {
            call.most(2)?;
            match dict.get(call.need(0, "key")?)? {
                Some(value) => value,
                None => call.get(1, "default").cloned().unwrap_or_else(none),
            }
        }
        "items" => {
            let items = dict.pairs().into_iter().map(|(key, value)| tuple(vec![key, value])).collect();
            // ansible-core turns the views that calls return into lists.
            super::list(items)
        }
        "keys" => super::list(dict.keys()),
        "values" => super::list(dict.values()),
        "clear" => {
            dict.change(super::dict::Entries::clear);
            none()
        }
        "copy" => Mj::from_object(Dict::of(
            dict.copied().into_iter().map(|(k, v)| Ok((Key::new(k)?, v))).collect::<Result<_, TemplateError>>()?,
        )),
        "fromkeys" => {
            let value = call.get(1, "value").cloned().unwrap_or_else(none);
            super::dict(iterate(call.need(0, "iterable")?)?.into_iter().map(|key| (key, value.clone())))?
        }
        "pop" => {
            let key = Key::new(call.need(0, "key")?.clone())?;
            match dict.change(|entries| entries.shift_remove(&key)) {
                Some(value) => value,
                None => match call.get(1, "default") {
                    Some(default) => default.clone(),
                    None => return Err(TemplateError::value_error(super::repr(key.value()))),
                },
            }
        }
        "popitem" => match dict.change(super::dict::Entries::pop) {
            Some((key, value)) => tuple(vec![key.value().clone(), value]),
            None => return Err(TemplateError::value_error("'popitem(): dictionary is empty'")),
        },
        "setdefault" => {
            let key = Key::new(call.need(0, "key")?.clone())?;
            let default = call.get(1, "default").cloned().unwrap_or_else(none);
            dict.change(|entries| entries.entry(key).or_insert(default).clone())
        }
        "update" => {
            if let Some(other) = call.args.first() {
                for (key, value) in pairs(other)? {
                    dict.set(key, value)?;
                }
            }
            for (key, value) in call.keywords {
                dict.set_text(key, value.clone());
            }
            none()
        }
        "__setitem__" => {
            dict.set(call.need(0, "key")?.clone(), call.need(1, "value")?.clone())?;
            none()
        }
        "__delitem__" => {
            let key = Key::new(call.need(0, "key")?.clone())?;
            match dict.change(|entries| entries.shift_remove(&key)) {
                Some(_) => none(),
                None => return Err(TemplateError::value_error(super::repr(key.value()))),
            }
        }
        "__getitem__" => match dict.get(call.need(0, "key")?)? {
            Some(value) => value,
            None => return Err(TemplateError::value_error(super::repr(call.need(0, "key")?))),
        },
        "__contains__" => Mj::from(dict.has(call.need(0, "key")?)?),
        "__len__" => Mj::from(dict.len()),
        name => return Err(TemplateError::undefined(format!("object of type 'dict' has no attribute '{name}'"))),
    })
}

/// The entries of a mapping, or of a sequence of pairs, as `dict()` and `update()` take them.
pub fn pairs(value: &Mj) -> Result<Vec<(Mj, Mj)>, TemplateError> {
    if let Kind::Dict(dict) = kind(value) {
        return Ok(dict.pairs());
    }
    if super::is_mapping(value) {
        return Ok(iterate(value)?.into_iter().map(|key| (key.clone(), super::get_item(value, &key))).collect());
    }
    iterate(value)?
        .into_iter()
        .enumerate()
        .map(|(i, item)| {
            let pair = iterate(&item).map_err(|_| {
                TemplateError::type_error(format!(
                    "cannot convert dictionary update sequence element #{i} to a sequence"
                ))
            })?;
            match <[Mj; 2]>::try_from(pair) {
                Ok([key, value]) => Ok((key, value)),
                Err(pair) => Err(TemplateError::value_error(format!(
                    "dictionary update sequence element #{i} has length {}; 2 is required",
                    pair.len()
                ))),
            }
        })
        .collect()
}
