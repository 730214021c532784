//! Whether a value is greater than another.

use crate::py::Order;
use crate::{TemplateError, Test, TestCall, py};

/// Whether a value is greater than another.
pub static TEST: Test = Test {
    name: "gt",
    collection: "ansible.builtin",
    aliases: &["greaterthan", ">"],
    params: &["other"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    py::order(call.input(), Order::Greater, call.arg("other")?)
}
