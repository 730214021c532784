//! Whether a value is a number; booleans are numbers.

use crate::{TemplateError, Test, TestCall, py};

/// Whether a value is a number; booleans are numbers.
pub static TEST: Test =
    Test { name: "number", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(py::is_number(call.input()))
}
