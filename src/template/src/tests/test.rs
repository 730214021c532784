//! Whether there is a test of this name.

use crate::{TemplateError, Test, TestCall, py};

/// Whether there is a test of this name.
pub static TEST: Test =
    Test { name: "test", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(crate::find_test(&py::str(call.input())).is_some())
}
