//! Text with everything escaped that means something in a regular expression (`python` or `posix_basic`).

use crate::pyregex;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Text with everything escaped that means something in a regular expression (`python` or `posix_basic`).
pub static FILTER: Filter = Filter {
    name: "regex_escape",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["re_type"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let text = py::str(call.input());
    match &*call.text_or("re_type", "python")? {
        "python" => Ok(py::text(pyregex::escape(&text))),
        "posix_basic" => {
            let escape = |c: char| if "].[^$*\\".contains(c) { format!("\\{c}") } else { c.to_string() };
            Ok(py::text(text.chars().map(escape).collect::<String>()))
        }
        "posix_extended" => Err(call.error("Regex type (posix_extended) not yet implemented")),
        other => Err(call.error(format!("Invalid regex type ({other})"))),
    }
}
