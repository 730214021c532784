//! Whether a value is less than another.

use crate::py::Order;
use crate::{TemplateError, Test, TestCall, py};

/// Whether a value is less than another.
pub static TEST: Test = Test {
    name: "lt",
    collection: "ansible.builtin",
    aliases: &["lessthan", "<"],
    params: &["other"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    py::order(call.input(), Order::Less, call.arg("other")?)
}
