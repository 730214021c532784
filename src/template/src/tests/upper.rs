//! Whether all letters of a text are upper case.

use crate::{TemplateError, Test, TestCall, py};

/// Whether all letters of a text are upper case.
pub static TEST: Test =
    Test { name: "upper", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let text = py::str(call.input());
    Ok(!text.chars().any(char::is_lowercase) && text.chars().any(char::is_uppercase))
}
