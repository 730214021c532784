//! Whether a task was skipped.

use crate::{TemplateError, Test, TestCall};

/// Whether a task was skipped.
pub static TEST: Test = Test {
    name: "skipped",
    collection: "ansible.builtin",
    aliases: &["skip"],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    crate::tests::results::flag(call, "skipped")
}
