//! YAML text (one document) as a value.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_yaml::{Options, parse_text};

/// YAML text (one document) as a value.
pub static FILTER: Filter = Filter {
    name: "from_yaml",
    collection: "ansible.builtin",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let Some(text) = call.input().as_str() else { return Ok(call.input().clone()) };
    let source = call.engine().sources().add("<from_yaml>", text);
    let document = parse_text(text, source, Options { ansible_tags: false })
        .map_err(|e| TemplateError::value_error(e.to_string()))?;
    Ok(py::from_value(document.node.to_data()))
}
