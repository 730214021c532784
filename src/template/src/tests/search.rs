//! Whether a regular expression matches anywhere.

use crate::filters::regular;
use crate::{TemplateError, Test, TestCall, py};

/// Whether a regular expression matches anywhere.
pub static TEST: Test = Test {
    name: "search",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["pattern", "ignorecase", "multiline"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let pattern = regular::pattern(call, "pattern")?;
    Ok(pattern.is_found(&py::str(call.input()))?)
}
