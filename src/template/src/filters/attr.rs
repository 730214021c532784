//! An attribute of an object; unlike `.`, never an item of that name.

use crate::py::Kind;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// An attribute of an object; unlike `.`, never an item of that name.
pub static FILTER: Filter = Filter {
    name: "attr",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["name"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let name = py::str(call.arg("name")?);
    let input = call.input();
    // An empty dict has the methods of every dict, and no items that could be taken for attributes.
    if matches!(py::kind(input), Kind::Dict(_)) {
        let method = py::get_attr(&py::dict_of([]), &name);
        return Ok(if py::is_undefined(&method) { method } else { py::get_attr(input, &name) });
    }
    Ok(py::get_attr(input, &name))
}
