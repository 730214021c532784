//! Whether a value is a float.

use crate::py::Kind;
use crate::{TemplateError, Test, TestCall, py};

/// Whether a value is a float.
pub static TEST: Test =
    Test { name: "float", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(matches!(py::kind(call.input()), Kind::Float(_)))
}
