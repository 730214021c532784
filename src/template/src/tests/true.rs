//! Whether a value is true itself.

use crate::py::Kind;
use crate::{TemplateError, Test, TestCall, py};

/// Whether a value is true itself.
pub static TEST: Test =
    Test { name: "true", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(matches!(py::kind(call.input()), Kind::Bool(true)))
}
