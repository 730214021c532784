//! Whether a value is none.

use crate::{TemplateError, Test, TestCall};

/// Whether a value is none.
pub static TEST: Test =
    Test { name: "none", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(call.input().is_none())
}
