//! Where in a list the items are for which a test holds.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Where in a list the items are for which a test holds.
pub static FILTER: Filter = Filter {
    name: "index_of",
    collection: "ansible.utils",
    aliases: &[],
    params: &["test", "value", "key", "wantlist", "fail_on_missing"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let name = py::str(call.arg("test")?);
    let args: Vec<Mj> = call.opt("value").filter(|value| !value.is_none()).cloned().into_iter().collect();
    let key = call.opt("key").filter(|key| !key.is_none());
    let fail_on_missing = call.bool("fail_on_missing", false)?;
    let mut found = Vec::new();
    for (at, item) in py::iterate(call.input())?.into_iter().enumerate() {
        let subject = key.map_or_else(|| item.clone(), |key| py::get_item(&item, key));
        if py::is_undefined(&subject) {
            if fail_on_missing {
                let key = key.map(py::repr).unwrap_or_default();
                return Err(call.error(format!("{key} was not found in {}", py::repr(&item))));
            }
            continue;
        }
        if call.test(&name, subject, args.clone(), Vec::new())? {
            found.push(Mj::from(at as i64));
        }
    }
    if found.len() == 1 && !call.bool("wantlist", false)? {
        return Ok(found.swap_remove(0));
    }
    Ok(py::list(found))
}
