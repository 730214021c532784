//! Whether a path is absolute.

use crate::filters::ospath;
use crate::{TemplateError, Test, TestCall};

/// Whether a path is absolute.
pub static TEST: Test = Test {
    name: "abs",
    collection: "ansible.builtin",
    aliases: &["is_abs"],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(ospath::input(call)?.starts_with('/'))
}
