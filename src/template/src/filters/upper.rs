//! Text in upper case.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Text in upper case.
pub static FILTER: Filter =
    Filter { name: "upper", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    Ok(py::text(py::str(call.input()).to_uppercase()))
}
