//! The items without repetitions, in order of appearance. Case matters only with `case_sensitive`.

use crate::filters::attribute::{Attribute, fold_case};
use crate::py::Key;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use std::collections::HashSet;

/// The items without repetitions, in order of appearance. Case matters only with `case_sensitive`.
pub static FILTER: Filter = Filter {
    name: "unique",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["case_sensitive", "attribute"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let case_sensitive = call.bool("case_sensitive", false)?;
    let path = Attribute::new(call.opt("attribute"));
    let items = py::iterate(call.input())?;
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    for item in &items {
        let found = path.get(item, None);
        py::trip(&found)?;
        match Key::new(if case_sensitive { found } else { fold_case(found) }) {
            Ok(key) => {
                if seen.insert(key) {
                    kept.push(item.clone());
                }
            }
            // Lists and dicts cannot be hashed: compare them one by one, as Ansible falls back to.
            Err(error) => {
                if call.opt("attribute").is_some_and(|a| !a.is_none())
                    || call.opt("case_sensitive").is_some_and(|c| !c.is_true())
                {
                    return Err(error);
                }
                return Ok(py::list(one_by_one(&items)));
            }
        }
    }
    Ok(py::list(kept))
}

fn one_by_one(items: &[Mj]) -> Vec<Mj> {
    let mut kept: Vec<Mj> = Vec::new();
    for item in items {
        if !kept.iter().any(|known| py::equal(known, item)) {
            kept.push(item.clone());
        }
    }
    kept
}
