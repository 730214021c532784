//! Nested data with only the keys that match, and what leads to them.

use crate::filters::keys_deep::{self, Matching};
use crate::py::Kind;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Nested data with only the keys that match, and what leads to them.
pub static FILTER: Filter = Filter {
    name: "keep_keys",
    collection: "ansible.utils",
    aliases: &[],
    params: &["target", "matching_parameter"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let matching = Matching::of(call, "keep_keys", "keep operation")?;
    keep(call.input(), &keys_deep::targets(call)?, matching)
}

fn keep(value: &Mj, targets: &[String], matching: Matching) -> Result<Mj, TemplateError> {
    match py::kind(value) {
        Kind::List(list) => {
            let items = list.items();
            Ok(py::list(items.iter().map(|item| keep(item, targets, matching)).collect::<Result<_, _>>()?))
        }
        Kind::Dict(dict) => {
            let mut kept = Vec::new();
            for (key, inner) in dict.pairs() {
                let name = py::str(&key);
                let nested = matches!(py::kind(&inner), Kind::List(_) | Kind::Dict(_));
                let mut found = None;
                for target in targets {
                    if name == *target {
                        found = Some(inner.clone());
                    } else if !nested {
                        if matching.fits(&name, target)? {
                            found = Some(inner.clone());
                        }
                    } else {
                        let mut part = keep(&inner, targets, matching)?;
                        if let Kind::List(list) = py::kind(&part) {
                            let left = list.items().into_iter().filter(|item| !keys_deep::is_empty(item)).collect();
                            part = py::list(left);
                        }
                        if !keys_deep::is_empty(&part) {
                            found = Some(part);
                        }
                    }
                }
                kept.extend(found.map(|value| (key, value)));
            }
            py::dict(kept)
        }
        _ => Ok(value.clone()),
    }
}
