//! Whether a number is not a number.

use crate::{TemplateError, Test, TestCall, py};

/// Whether a number is not a number.
pub static TEST: Test = Test {
    name: "nan",
    collection: "ansible.builtin",
    aliases: &["isnan"],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(py::as_float(call.input()).is_some_and(f64::is_nan))
}
