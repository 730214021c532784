//! Whether a value is a dict.

use crate::{TemplateError, Test, TestCall, py};

/// Whether a value is a dict.
pub static TEST: Test =
    Test { name: "mapping", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(py::is_mapping(call.input()))
}
