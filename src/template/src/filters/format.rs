//! printf-style formatting: `"%s, %s!" | format(greeting, name)`.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// printf-style formatting: `"%s, %s!" | format(greeting, name)`.
pub static FILTER: Filter = Filter {
    name: "format",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["*", "**"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let text = py::str(call.input());
    if !call.rest().is_empty() && !call.keywords().is_empty() {
        return Err(call.error("can't handle positional and keyword arguments at the same time"));
    }
    let args = if call.keywords().is_empty() {
        py::tuple(call.rest().to_vec())
    } else {
        py::dict_of(call.keywords().iter().map(|(key, value)| (&**key, value.clone())))
    };
    py::modulo(&py::text(text), &args)
}
