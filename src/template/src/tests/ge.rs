//! Whether a value is at least another.

use crate::py::Order;
use crate::{TemplateError, Test, TestCall, py};

/// Whether a value is at least another.
pub static TEST: Test = Test {
    name: "ge",
    collection: "ansible.builtin",
    aliases: &[">="],
    params: &["other"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    py::order(call.input(), Order::GreaterEqual, call.arg("other")?)
}
