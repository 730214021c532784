//! The first character in upper case, the rest in lower case.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The first character in upper case, the rest in lower case.
pub static FILTER: Filter = Filter {
    name: "capitalize",
    collection: "ansible.builtin",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let text = py::str(call.input());
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    Ok(py::text(first + &chars.as_str().to_lowercase()))
}
