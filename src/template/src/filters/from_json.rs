//! JSON text as a value.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_value::json::loads;

/// JSON text as a value.
pub static FILTER: Filter = Filter {
    name: "from_json",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["profile", "**"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let Some(text) = call.input().as_str() else {
        let message = format!("the JSON object must be str, bytes or bytearray, not {}", py::type_name(call.input()));
        return Err(TemplateError::type_error(message));
    };
    loads(text).map(py::from_value).map_err(|e| TemplateError::value_error(e.to_string()))
}
