//! Whether a value is one of the items, keys or parts of another.

use crate::{TemplateError, Test, TestCall, py};

/// Whether a value is one of the items, keys or parts of another.
pub static TEST: Test =
    Test { name: "in", collection: "ansible.builtin", aliases: &[], params: &["seq"], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    py::contains(call.arg("seq")?, call.input())
}
