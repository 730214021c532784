//! A value, or what stands for it when it is undefined; with `boolean`, also when it is false or empty.

use crate::py::Kind;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A value, or what stands for it when it is undefined; with `boolean`, also when it is false or empty.
pub static FILTER: Filter = Filter {
    name: "default",
    collection: "ansible.builtin",
    aliases: &["d"],
    params: &["default_value", "boolean"],
    accepts_undefined: true,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let default = call.opt("default_value").cloned().unwrap_or_else(|| py::text(""));
    let boolean = match call.opt("boolean") {
        None => false,
        Some(value) => match py::kind(value) {
            Kind::Bool(boolean) => boolean,
            Kind::Marker(_) => return Ok(value.clone()),
            _ => {
                let message = format!("The 'boolean' argument must be of type 'bool', not '{}'.", py::type_name(value));
                return Err(TemplateError::type_error(message));
            }
        },
    };
    let input = call.input();
    if py::is_undefined(input) {
        return Ok(default);
    }
    // An error kept as a value is not undefined: it passes on, to be raised where it is used.
    if matches!(py::kind(input), Kind::Marker(_)) || !boolean || py::truthy(input)? {
        return Ok(input.clone());
    }
    Ok(default)
}
