//! Whether a task's host could be reached.

use crate::{TemplateError, Test, TestCall};

/// Whether a task's host could be reached.
pub static TEST: Test =
    Test { name: "reachable", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(!crate::tests::results::flag(call, "unreachable")?)
}
