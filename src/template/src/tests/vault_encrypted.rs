//! Whether a text is a vault envelope.

use crate::{TemplateError, Test, TestCall, py};

/// Whether a text is a vault envelope.
pub static TEST: Test = Test {
    name: "vault_encrypted",
    collection: "ansible.builtin",
    aliases: &[],
    params: &[],
    accepts_undefined: true,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let input = call.input();
    py::trip(input)?;
    // A variable that is one is told apart by the evaluator, which sees it before it is opened.
    Ok(false)
}
