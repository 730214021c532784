//! Nested data without the keys that match.

use crate::filters::keys_deep::{self, Matching};
use crate::py::Kind;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Nested data without the keys that match.
pub static FILTER: Filter = Filter {
    name: "remove_keys",
    collection: "ansible.utils",
    aliases: &[],
    params: &["target", "matching_parameter"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let matching = Matching::of(call, "remove_keys", "attribute removal")?;
    remove(call.input(), &keys_deep::targets(call)?, matching)
}

fn remove(value: &Mj, targets: &[String], matching: Matching) -> Result<Mj, TemplateError> {
    match py::kind(value) {
        Kind::List(list) => {
            let mut left = Vec::new();
            for item in list.items() {
                let item = remove(&item, targets, matching)?;
                // What is false is dropped from lists.
                if py::truthy(&item)? {
                    left.push(item);
                }
            }
            Ok(py::list(left))
        }
        Kind::Dict(dict) => {
            let mut left = Vec::new();
            for (key, inner) in dict.pairs() {
                let name = py::str(&key);
                let mut gone = false;
                for target in targets {
                    gone |= matching.fits(&name, target)?;
                }
                if !gone {
                    left.push((key, remove(&inner, targets, matching)?));
                }
            }
            py::dict(left)
        }
        _ => Ok(value.clone()),
    }
}
