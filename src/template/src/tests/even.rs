//! Whether a number is even.

use crate::{TemplateError, Test, TestCall, py};
use minijinja::Value as Mj;

/// Whether a number is even.
pub static TEST: Test =
    Test { name: "even", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(py::equal(&py::modulo(call.input(), &Mj::from(2))?, &Mj::from(0)))
}
