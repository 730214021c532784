//! A dict as a list of `{key: ..., value: ...}`.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A dict as a list of `{key: ..., value: ...}`.
pub static FILTER: Filter = Filter {
    name: "dict2items",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["key_name", "value_name"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let dict = call.input();
    if !py::is_mapping(dict) {
        let message = format!("dict2items requires a dictionary, got <class '{}'> instead.", py::type_name(dict));
        return Err(TemplateError::type_error(message));
    }
    let (key_name, value_name) = (call.text_or("key_name", "key")?, call.text_or("value_name", "value")?);
    let row = |key: Mj| {
        let value = py::get_item(dict, &key);
        py::dict_of([(&*key_name, key), (&*value_name, value)])
    };
    Ok(py::list(py::iterate(dict)?.into_iter().map(row).collect()))
}
