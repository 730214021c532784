//! Whether two values are equal.

use crate::{TemplateError, Test, TestCall, py};

/// Whether two values are equal.
pub static TEST: Test = Test {
    name: "eq",
    collection: "ansible.builtin",
    aliases: &["equalto", "=="],
    params: &["other"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(py::equal(call.input(), call.arg("other")?))
}
