//! Whether a value has items.

use crate::{TemplateError, Test, TestCall, py};

/// Whether a value has items.
pub static TEST: Test =
    Test { name: "iterable", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(py::is_iterable(call.input()))
}
