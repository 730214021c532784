//! Whether a number is divisible by another.

use crate::{TemplateError, Test, TestCall, py};
use minijinja::Value as Mj;

/// Whether a number is divisible by another.
pub static TEST: Test = Test {
    name: "divisibleby",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["num"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(py::equal(&py::modulo(call.input(), call.arg("num")?)?, &Mj::from(0)))
}
