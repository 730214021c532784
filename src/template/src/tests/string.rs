//! Whether a value is text.

use crate::{TemplateError, Test, TestCall};

/// Whether a value is text.
pub static TEST: Test =
    Test { name: "string", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(call.input().as_str().is_some())
}
