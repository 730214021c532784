//! Whether a task's host could not be reached.

use crate::{TemplateError, Test, TestCall};

/// Whether a task's host could not be reached.
pub static TEST: Test = Test {
    name: "unreachable",
    collection: "ansible.builtin",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    crate::tests::results::flag(call, "unreachable")
}
