//! JSON text as a value.

use crate::filters::json_text;
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
    if let Some(profile) = call.opt("profile") {
        json_text::known_profile(call.name(), profile)?;
    }
    for (name, value) in call.keywords() {
        match &**name {
            "strict" if py::truthy(value)? => {}
            "strict" => {
                let message = "from_json does not support strict=false: control characters in texts must be escaped";
                return Err(TemplateError::value_error(message));
            }
            "object_hook" | "object_pairs_hook" | "parse_float" | "parse_int" | "parse_constant" if value.is_none() => {
            }
            "object_hook" | "object_pairs_hook" | "parse_float" | "parse_int" | "parse_constant" => {
                let message = format!("'{}' object is not callable", py::type_name(value));
                return Err(TemplateError::type_error(message).hint(format!("`{name}` takes a function; leave it out")));
            }
            other => {
                let message = format!("JSONDecoder.__init__() got an unexpected keyword argument '{other}'");
                return Err(TemplateError::type_error(message));
            }
        }
    }
    loads(text).map(py::from_value).map_err(|e| TemplateError::value_error(e.to_string()))
}
