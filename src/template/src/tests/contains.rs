//! Whether a list, dict or text has this in it.

use crate::{TemplateError, Test, TestCall, py};

/// Whether a list, dict or text has this in it.
pub static TEST: Test = Test {
    name: "contains",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["value"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    py::contains(call.input(), call.arg("value")?)
}
