//! Nested data with the keys that match (`before`) renamed (`after`).

use crate::filters::keys_deep::Matching;
use crate::py::Kind;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Nested data with the keys that match (`before`) renamed (`after`).
pub static FILTER: Filter = Filter {
    name: "replace_keys",
    collection: "ansible.utils",
    aliases: &[],
    params: &["target", "matching_parameter"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let matching = Matching::of(call, "replace_keys", "replace operation")?;
    let mut renames = Vec::new();
    for target in py::iterate(call.arg("target")?)? {
        renames.push((py::str(&py::get_attr(&target, "before")), py::get_attr(&target, "after")));
    }
    replace(call.input(), &renames, matching)
}

fn replace(value: &Mj, renames: &[(String, Mj)], matching: Matching) -> Result<Mj, TemplateError> {
    match py::kind(value) {
        Kind::List(list) => {
            let items = list.items();
            Ok(py::list(items.iter().map(|item| replace(item, renames, matching)).collect::<Result<_, _>>()?))
        }
        Kind::Dict(dict) => {
            let mut pairs = dict.pairs();
            for (before, after) in renames {
                // One rename after the other; a renamed key goes to the end and may be renamed again.
                for key in pairs.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>() {
                    let at = pairs.iter().position(|(known, _)| py::equal(known, &key));
                    if let Some(at) = at
                        && matching.fits(&py::str(&key), before)?
                    {
                        let (_, inner) = pairs.remove(at);
                        match pairs.iter_mut().find(|(known, _)| py::equal(known, after)) {
                            Some(place) => place.1 = inner,
                            None => pairs.push((after.clone(), inner)),
                        }
                    }
                }
            }
            let pairs = pairs.into_iter().map(|(key, inner)| Ok((key, replace(&inner, renames, matching)?)));
            py::dict(pairs.collect::<Result<Vec<_>, TemplateError>>()?)
        }
        _ => Ok(value.clone()),
    }
}
