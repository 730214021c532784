//! Text as it is: nothing escapes it anyway.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Text as it is: nothing escapes it anyway.
pub static FILTER: Filter =
    Filter { name: "safe", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    Ok(py::text(py::str(call.input())))
}
