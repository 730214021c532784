//! Whether a task's result is a failure.

use crate::{TemplateError, Test, TestCall};

/// Whether a task's result is a failure.
pub static TEST: Test = Test {
    name: "failed",
    collection: "ansible.builtin",
    aliases: &["failure"],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    crate::tests::results::flag(call, "failed")
}
