//! How many items or characters.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// How many items or characters.
pub static FILTER: Filter = Filter {
    name: "length",
    collection: "ansible.builtin",
    aliases: &["count"],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    Ok(Mj::from(py::len(call.input())? as i64))
}
