//! Every dict of a list (or of a dict's values) paired with each item of a list inside it.

use crate::py::{Dict, Kind};
use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;

/// Every dict of a list (or of a dict's values) paired with each item of a list inside it.
pub static LOOKUP: Lookup =
    Lookup { name: "subelements", collection: "ansible.builtin", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    let wrong = |what: &str| call.error(format!("subelements lookup expects a list of two or three items, {what}"));
    let terms = call.terms();
    let (Some(first), Some(path)) = (terms.first(), terms.get(1)) else { return Err(wrong("")) };
    py::trip(first)?;
    let elements = match py::kind(first) {
        Kind::List(list) => list.items(),
        Kind::Dict(dict) => {
            if is_skipped(dict) {
                return Ok(Vec::new());
            }
            dict.values()
        }
        _ => return Err(wrong("first a dict or a list, second a string pointing to the subkey")),
    };
    let Some(path) = path.as_str() else {
        return Err(wrong("first a dict or a list, second a string pointing to the subkey"));
    };
    let skip_missing = match terms.get(2) {
        None => call.bool("skip_missing", false)?,
        Some(flags) => {
            if !py::is_mapping(flags) {
                return Err(wrong("the optional third item must be a dict with flags ('skip_missing',)"));
            }
            let flag = py::get_item(flags, &Mj::from("skip_missing"));
            !py::is_undefined(&flag)
                && flag.as_str().and_then(rplay_value::parse_bool).map_or_else(|| py::truthy(&flag), Ok)?
        }
    };
    let keys: Vec<&str> = path.split('.').collect();
    let mut out = Vec::new();
    for element in elements {
        let Kind::Dict(dict) = py::kind(&element) else {
            return Err(call.error(format!("subelements lookup expects a dictionary, got '{}'", py::str(&element))));
        };
        if is_skipped(dict) {
            continue;
        }
        out.extend(pairs(call, dict, &keys, skip_missing)?);
    }
    Ok(out)
}

fn is_skipped(dict: &Dict) -> bool {
    dict.get_text("skipped").is_some_and(|skipped| !matches!(py::kind(&skipped), Kind::Bool(false)))
}

/// The dict without the list at the end of the path, with each item of that list.
fn pairs(call: &LookupCall<'_>, dict: &Dict, keys: &[&str], skip_missing: bool) -> Result<Vec<Mj>, TemplateError> {
    let Some((list, without)) = take(call, dict, keys, skip_missing)? else { return Ok(Vec::new()) };
    Ok(list.into_iter().map(|item| py::tuple(vec![without.clone(), item])).collect())
}

fn take(
    call: &LookupCall<'_>,
    dict: &Dict,
    keys: &[&str],
    skip_missing: bool,
) -> Result<Option<(Vec<Mj>, Mj)>, TemplateError> {
    let Some((key, rest)) = keys.split_first() else { return Ok(None) };
    let shown = || py::str(&py::dict(dict.pairs()).unwrap_or_default());
    let Some(found) = dict.get_text(key) else {
        if skip_missing {
            return Ok(None);
        }
        return Err(call.error(format!("could not find '{key}' key in iterated item '{}'", shown())));
    };
    py::trip(&found)?;
    let copy = |value: Option<Mj>| {
        let entries = dict.pairs().into_iter().filter_map(|(name, old)| {
            if name.as_str() == Some(key) { value.clone().map(|value| (name, value)) } else { Some((name, old)) }
        });
        py::dict(entries.collect::<Vec<_>>())
    };
    if rest.is_empty() {
        let Kind::List(list) = py::kind(&found) else {
            return Err(call.error(format!("the key {key} should point to a list, got '{}'", py::str(&found))));
        };
        return Ok(Some((list.items(), copy(None)?)));
    }
    let Kind::Dict(inner) = py::kind(&found) else {
        if skip_missing {
            return Ok(None);
        }
        return Err(call.error(format!("the key {key} should point to a dictionary, got '{}'", py::str(&found))));
    };
    match take(call, inner, rest, skip_missing)? {
        Some((list, inner)) => Ok(Some((list, copy(Some(inner))?))),
        None => Ok(None),
    }
}
