//! A filter applied to every item (`map('upper')`), or an attribute of every item (`map(attribute='a.b')`).

use crate::filters::attribute::Attribute;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A filter applied to every item (`map('upper')`), or an attribute of every item (`map(attribute='a.b')`).
pub static FILTER: Filter = Filter {
    name: "map",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["*", "**"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    if !py::truthy(call.input())? {
        return Ok(py::list(Vec::new()));
    }
    let Some((name, args)) = call.rest().split_first() else {
        let given = |name: &str| call.keywords().iter().find(|(key, _)| **key == *name).map(|(_, value)| value);
        let Some(attribute) = given("attribute") else {
            return Err(call
                .error("map requires a filter argument")
                .hint("for example map('upper') or map(attribute='name')"));
        };
        if let Some((other, _)) = call.keywords().iter().find(|(key, _)| !matches!(&**key, "attribute" | "default")) {
            return Err(call.error(format!("Unexpected keyword argument '{other}'")));
        }
        let path = Attribute::new(Some(attribute));
        let default = given("default").filter(|default| !default.is_none());
        let items = py::iterate(call.input())?;
        return Ok(py::list(items.iter().map(|item| path.get(item, default)).collect()));
    };
    let name = py::str(name);
    let mut out = Vec::new();
    for item in py::iterate(call.input())? {
        out.push(call.filter(&name, item, args.to_vec(), call.keywords().clone())?);
    }
    Ok(py::list(out))
}
