//! Whether a regular expression matches at the start.

use crate::filters::regular;
use crate::{TemplateError, Test, TestCall, py};

/// Whether a regular expression matches at the start.
pub static TEST: Test = Test {
    name: "match",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["pattern", "ignorecase", "multiline"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let pattern = regular::pattern(call, "pattern")?;
    Ok(pattern.is_at_start(&py::str(call.input()))?)
}
