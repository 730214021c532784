//! Whether an async task has started; a task that is not async has.

use crate::{TemplateError, Test, TestCall, py};

/// Whether an async task has started; a task that is not async has.
pub static TEST: Test =
    Test { name: "started", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let result = crate::tests::results::result(call)?;
    crate::tests::results::entry(result, "started").map_or(Ok(true), |started| py::truthy(&started))
}
