//! The name of a value's Python type.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The name of a value's Python type.
pub static FILTER: Filter = Filter {
    name: "type_debug",
    collection: "ansible.builtin",
    aliases: &[],
    params: &[],
    accepts_undefined: true,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    Ok(py::text(if py::is_undefined(call.input()) {
        "UndefinedMarker"
    } else {
        py::type_name(call.input()).rsplit('.').next().unwrap_or_default()
    }))
}
