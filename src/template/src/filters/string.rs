//! A value as text, as Python's `str` shows it.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A value as text, as Python's `str` shows it.
pub static FILTER: Filter =
    Filter { name: "string", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    if matches!(py::kind(call.input()), py::Kind::Str(_)) {
        return Ok(call.input().clone());
    }
    py::trip_within(call.input())?;
    Ok(py::text(py::str(call.input())))
}
