//! Whether a value is at most another.

use crate::py::Order;
use crate::{TemplateError, Test, TestCall, py};

/// Whether a value is at most another.
pub static TEST: Test = Test {
    name: "le",
    collection: "ansible.builtin",
    aliases: &["<="],
    params: &["other"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    py::order(call.input(), Order::LessEqual, call.arg("other")?)
}
