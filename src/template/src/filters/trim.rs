//! Text without blanks (with `chars`, without those characters) at both ends.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Text without blanks (with `chars`, without those characters) at both ends.
pub static FILTER: Filter = Filter {
    name: "trim",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["chars"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let text = py::str(call.input());
    let chars = match call.opt("chars").filter(|chars| !chars.is_none()) {
        Some(chars) => match chars.as_str() {
            Some(chars) => Some(chars.to_owned()),
            None => return Err(TemplateError::type_error("strip arg must be None or str")),
        },
        None => None,
    };
    let is_blank = |c: char| c.is_whitespace() || ('\x1c'..='\x1f').contains(&c);
    Ok(py::text(match chars {
        Some(chars) => text.trim_matches(|c| chars.contains(c)),
        None => text.trim_matches(is_blank),
    }))
}
