//! A list of `{key: ..., value: ...}` as a dict.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A list of `{key: ..., value: ...}` as a dict.
pub static FILTER: Filter = Filter {
    name: "items2dict",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["key_name", "value_name"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let input = call.input();
    if input.as_str().is_some() || !py::is_sequence(input) || py::is_mapping(input) {
        let message = format!("items2dict requires a list, got <class '{}'> instead.", py::type_name(input));
        return Err(TemplateError::type_error(message));
    }
    let (key_name, value_name) = (call.text_or("key_name", "key")?, call.text_or("value_name", "value")?);
    let mut pairs = Vec::new();
    for item in py::iterate(input)? {
        py::trip(&item)?;
        if !py::is_mapping(&item) {
            let message = format!("items2dict requires a list of dictionaries, got {} instead.", py::repr(input));
            return Err(TemplateError::type_error(message));
        }
        let (key, value) = (py::get_item(&item, &Mj::from(&*key_name)), py::get_item(&item, &Mj::from(&*value_name)));
        if py::is_undefined(&key) || py::is_undefined(&value) && !py::contains(&item, &Mj::from(&*value_name))? {
            let message = format!(
                "items2dict requires each dictionary in the list to contain the keys '{key_name}' and '{value_name}', got {} instead.",
                py::repr(input)
            );
            return Err(TemplateError::type_error(message));
        }
        pairs.push((key, value));
    }
    py::dict(pairs)
}
