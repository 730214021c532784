//! Where in a list the items are for which a test holds.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Where in a list the items are for which a test holds.
pub static FILTER: Filter = Filter {
    name: "index_of",
    collection: "ansible.utils",
    aliases: &[],
    params: &["test", "*", "wantlist"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let name = py::str(call.arg("test")?);
    let mut args = call.rest().to_vec();
    let key = (args.len() > 1).then(|| args.remove(1)).filter(|key| !key.is_none());
    let mut found = Vec::new();
    for (at, item) in py::iterate(call.input())?.into_iter().enumerate() {
        let subject = key.as_ref().map_or_else(|| item.clone(), |key| py::get_item(&item, key));
        if call.test(&name, subject, args.clone(), Vec::new())? {
            found.push(Mj::from(at as i64));
        }
    }
    if found.len() == 1 && !call.bool("wantlist", false)? {
        return Ok(found.swap_remove(0));
    }
    Ok(py::list(found))
}
