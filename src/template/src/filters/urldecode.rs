//! Text with `%XX` and `+` decoded.

use crate::filters::lines::{text_input, url_unquote};
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Text with `%XX` and `+` decoded.
pub static FILTER: Filter = Filter {
    name: "urldecode",
    collection: "ansible.builtin",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    Ok(py::text(url_unquote(&text_input(call, "replace")?)))
}
