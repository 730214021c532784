//! Every dict of a list (or of a dict's values) paired with each item of a list inside it.

use crate::py::Kind;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Every dict of a list (or of a dict's values) paired with each item of a list inside it.
pub static FILTER: Filter = Filter {
    name: "subelements",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["subelements", "skip_missing"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let elements = match py::kind(call.input()) {
        Kind::Dict(dict) => dict.values(),
        Kind::List(list) => list.items(),
        _ => return Err(call.error("obj must be a list of dicts or a nested dict")),
    };
    let path = call.arg("subelements")?;
    let path: Vec<Mj> = match py::kind(path) {
        Kind::List(list) => list.items(),
        Kind::Str(text) => text.split('.').map(Mj::from).collect(),
        _ => return Err(TemplateError::type_error("subelements must be a list or a string")),
    };
    let skip_missing = call.bool("skip_missing", false)?;
    let mut rows = Vec::new();
    for element in elements {
        let mut found = element.clone();
        let mut missing = false;
        for key in &path {
            py::trip(&found)?;
            if !py::is_mapping(&found) {
                let message =
                    format!("the key {} should point to a dictionary, got '{}'", py::str(key), py::str(&found));
                return Err(TemplateError::type_error(message));
            }
            if !py::contains(&found, key)? {
                if skip_missing {
                    missing = true;
                    break;
                }
                let message = format!("could not find {} key in iterated item {}", py::repr(key), py::repr(&found));
                return Err(call.error(message));
            }
            found = py::get_item(&found, key);
        }
        if missing {
            continue;
        }
        py::trip(&found)?;
        let Kind::List(list) = py::kind(&found) else {
            let key = path.last().map(py::repr).unwrap_or_default();
            let message = format!("the key {key} should point to a list, got {}", py::repr(&found));
            return Err(TemplateError::type_error(message));
        };
        rows.extend(list.items().into_iter().map(|item| py::tuple(vec![element.clone(), item])));
    }
    Ok(py::list(rows))
}
