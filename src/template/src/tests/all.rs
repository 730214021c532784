//! Whether all items are true.

use crate::{TemplateError, Test, TestCall, py};

/// Whether all items are true.
pub static TEST: Test =
    Test { name: "all", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    for item in py::iterate(call.input())? {
        if !py::truthy(&item)? {
            return Ok(false);
        }
    }
    Ok(true)
}
