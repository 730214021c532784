//! Whether a value has a length and items by number or key.

use crate::{TemplateError, Test, TestCall, py};

/// Whether a value has a length and items by number or key.
pub static TEST: Test =
    Test { name: "sequence", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(py::is_sequence(call.input()))
}
