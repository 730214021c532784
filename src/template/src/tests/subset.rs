//! Whether all items are in the other list.

use crate::filters::sets::Members;
use crate::{TemplateError, Test, TestCall, py};

/// Whether all items are in the other list.
pub static TEST: Test = Test {
    name: "subset",
    collection: "ansible.builtin",
    aliases: &["issubset"],
    params: &["b"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let (a, b) = (py::iterate(call.input())?, Members::of(&py::iterate(call.arg("b")?)?));
    Ok(a.iter().all(|item| b.has(item)))
}
