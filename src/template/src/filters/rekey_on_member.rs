//! A dict or list of dicts as a dict under one of their members.

use crate::py::Dict;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A dict or list of dicts as a dict under one of their members.
pub static FILTER: Filter = Filter {
    name: "rekey_on_member",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["key", "duplicates"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let key = call.arg("key")?;
    let overwrite = match &*call.text_or("duplicates", "error")? {
        "error" => false,
        "overwrite" => true,
        other => {
            let message = format!("duplicates parameter to rekey_on_member has unknown value '{other}'");
            return Err(call.error(message));
        }
    };
    let input = call.input();
    let items: Vec<Mj> = if py::is_mapping(input) {
        py::iterate(input)?.iter().map(|key| py::get_item(input, key)).collect()
    } else if input.as_str().is_none() && py::is_iterable(input) {
        py::iterate(input)?
    } else {
        return Err(call.error("Type is not a valid list, set, or dict"));
    };
    let out = Dict::new();
    for item in items {
        if !py::is_mapping(&item) {
            return Err(call.error("List item is not a valid dict"));
        }
        if !py::contains(&item, key)? {
            return Err(call.error(format!("Key {} was not found.", py::repr(key))));
        }
        let name = py::get_item(&item, key);
        if !overwrite && out.has(&name)? {
            let message = format!("Key {} is not unique, cannot convert to dict.", py::repr(&name));
            return Err(call.error(message));
        }
        out.set(name, item)?;
    }
    Ok(Mj::from_object(out))
}
