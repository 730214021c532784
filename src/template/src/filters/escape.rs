//! Text with the characters that mean something in HTML replaced.

use crate::filters::lines::escape_html;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Text with the characters that mean something in HTML replaced.
pub static FILTER: Filter = Filter {
    name: "escape",
    collection: "ansible.builtin",
    aliases: &["e", "forceescape"],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    Ok(py::text(escape_html(&py::str(call.input()))))
}
