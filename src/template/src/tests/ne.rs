//! Whether two values differ.

use crate::{TemplateError, Test, TestCall, py};

/// Whether two values differ.
pub static TEST: Test = Test {
    name: "ne",
    collection: "ansible.builtin",
    aliases: &["!="],
    params: &["other"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(!py::equal(call.input(), call.arg("other")?))
}
