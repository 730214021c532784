//! The value; something undefined is an error, with `msg` as its text.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The value; something undefined is an error, with `msg` as its text.
pub static FILTER: Filter = Filter {
    name: "mandatory",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["msg"],
    accepts_undefined: true,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let input = call.input();
    if !py::is_undefined(input) {
        return Ok(input.clone());
    }
    if let Some(message) = call.opt("msg").filter(|message| !message.is_none()) {
        return Err(call.error(py::str(message)));
    }
    let name = input
        .downcast_object_ref::<py::Marker>()
        .and_then(|marker| marker.error().missing_name().map(|name| format!("{} ", py::repr(&py::text(name)))));
    Err(call.error(format!("Mandatory variable {}not defined.", name.unwrap_or_default())))
}
