//! YAML text as a list of its documents.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_yaml::{Options, parse_all};

/// YAML text as a list of its documents.
pub static FILTER: Filter = Filter {
    name: "from_yaml_all",
    collection: "ansible.builtin",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    if call.input().is_none() {
        return Ok(py::list(Vec::new()));
    }
    let Some(text) = call.input().as_str() else { return Ok(call.input().clone()) };
    let source = call.engine().sources().add("<from_yaml_all>", text);
    let documents = parse_all(text, source, Options { ansible_tags: false })
        .map_err(|e| TemplateError::value_error(e.to_string()))?;
    Ok(py::list(documents.iter().map(|node| py::from_value(node.to_data())).collect()))
}
