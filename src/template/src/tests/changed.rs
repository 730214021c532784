//! Whether a task changed something; of a loop, whether any item did.

use crate::py::Kind;
use crate::{TemplateError, Test, TestCall, py};

/// Whether a task changed something; of a loop, whether any item did.
pub static TEST: Test = Test {
    name: "changed",
    collection: "ansible.builtin",
    aliases: &["change"],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let result = crate::tests::results::result(call)?;
    if let Some(changed) = crate::tests::results::entry(result, "changed") {
        return py::truthy(&changed);
    }
    let Some(results) = crate::tests::results::entry(result, "results") else { return Ok(false) };
    let Kind::List(items) = py::kind(&results) else { return Ok(false) };
    let items = items.items();
    match items.first() {
        None => return Err(TemplateError::new(crate::ErrorKind::Value, "list index out of range")),
        Some(first) if !py::is_mapping(first) => return Ok(false),
        Some(_) => {}
    }
    for item in &items {
        if let Some(changed) = crate::tests::results::entry(item, "changed")
            && py::truthy(&changed)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}
