//! Whether a task's result is no failure.

use crate::{TemplateError, Test, TestCall};

/// Whether a task's result is no failure.
pub static TEST: Test = Test {
    name: "succeeded",
    collection: "ansible.builtin",
    aliases: &["success", "successful"],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(!crate::tests::results::flag(call, "failed")?)
}
