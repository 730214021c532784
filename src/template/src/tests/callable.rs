//! Whether a value can be called.

use crate::{TemplateError, Test, TestCall, py};

/// Whether a value can be called.
pub static TEST: Test =
    Test { name: "callable", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(py::is_callable(call.input()))
}
