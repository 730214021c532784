//! The items in order; `attribute` may name several paths with commas. Case matters only with `case_sensitive`.

use crate::filters::attribute::{Attribute, fold_case};
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The items in order; `attribute` may name several paths with commas. Case matters only with `case_sensitive`.
pub static FILTER: Filter = Filter {
    name: "sort",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["reverse", "case_sensitive", "attribute"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let case_sensitive = call.bool("case_sensitive", false)?;
    let paths = Attribute::several(call.opt("attribute"));
    let mut rows = Vec::new();
    for item in py::iterate(call.input())? {
        let mut keys = Vec::with_capacity(paths.len());
        for path in &paths {
            let found = path.get(&item, None);
            py::trip(&found)?;
            keys.push(if case_sensitive { found } else { fold_case(found) });
        }
        let key = if keys.len() == 1 { keys.swap_remove(0) } else { py::list(keys) };
        rows.push((key, item));
    }
    py::sort(&mut rows, |row| &row.0, call.bool("reverse", false)?)?;
    Ok(py::list(rows.into_iter().map(|row| row.1).collect()))
}
