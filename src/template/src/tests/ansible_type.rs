//! Whether a value is of a type as `reveal_ansible_type` gives it, or of one of several.

use crate::filters::reveal_ansible_type::of_type;
use crate::{TemplateError, Test, TestCall, py};

/// Whether a value is of a type as `reveal_ansible_type` gives it, or of one of several.
pub static TEST: Test = Test {
    name: "ansible_type",
    collection: "community.general",
    aliases: &[],
    params: &["dtype", "alias"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let wanted = call.arg("dtype")?;
    let found = of_type(call.input(), call.opt("alias"))?;
    match wanted.as_str() {
        Some(wanted) => Ok(wanted == found),
        None => py::contains(wanted, &py::text(found)),
    }
}
