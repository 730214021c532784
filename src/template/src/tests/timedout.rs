//! Whether a task ran out of time.

use crate::{TemplateError, Test, TestCall, py};

/// Whether a task ran out of time.
pub static TEST: Test =
    Test { name: "timedout", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let result = crate::tests::results::result(call)?;
    let Some(timedout) = crate::tests::results::entry(result, "timedout") else { return Ok(false) };
    if !py::truthy(&timedout)? {
        return Ok(false);
    }
    crate::tests::results::entry(&timedout, "period").map_or(Ok(false), |period| py::truthy(&period))
}
