//! Whether there is a filter of this name.

use crate::{TemplateError, Test, TestCall, py};

/// Whether there is a filter of this name.
pub static TEST: Test =
    Test { name: "filter", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(crate::find_filter(&py::str(call.input())).is_some())
}
