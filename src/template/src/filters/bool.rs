//! Yes or no from the usual words (`yes`, `on`, `true`, `1` and their opposites); anything else is false.

use crate::py::Kind;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Yes or no from the usual words (`yes`, `on`, `true`, `1` and their opposites); anything else is false.
pub static FILTER: Filter =
    Filter { name: "bool", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let input = call.input();
    Ok(Mj::from(match py::kind(input) {
        Kind::Bool(b) => b,
        Kind::Str(text) => matches!(text.to_lowercase().as_str(), "yes" | "on" | "true" | "1"),
        _ => py::equal(input, &Mj::from(1)),
    }))
}
