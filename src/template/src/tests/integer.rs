//! Whether a value is an integer.

use crate::py::Kind;
use crate::{TemplateError, Test, TestCall, py};

/// Whether a value is an integer.
pub static TEST: Test =
    Test { name: "integer", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(matches!(py::kind(call.input()), Kind::Int(_) | Kind::Big(_)))
}
