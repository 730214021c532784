//! Whether all items of the other list are in this one.

use crate::filters::sets::Members;
use crate::{TemplateError, Test, TestCall, py};

/// Whether all items of the other list are in this one.
pub static TEST: Test = Test {
    name: "superset",
    collection: "ansible.builtin",
    aliases: &["issuperset"],
    params: &["b"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let (a, b) = (Members::of(&py::iterate(call.input())?), py::iterate(call.arg("b")?)?);
    Ok(b.iter().all(|item| a.has(item)))
}
