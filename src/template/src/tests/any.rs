//! Whether any item is true.

use crate::{TemplateError, Test, TestCall, py};

/// Whether any item is true.
pub static TEST: Test =
    Test { name: "any", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    for item in py::iterate(call.input())? {
        if py::truthy(&item)? {
            return Ok(true);
        }
    }
    Ok(false)
}
