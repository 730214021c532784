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
    Ok(input.as_str().is_some_and(|text| text.starts_with("$ANSIBLE_VAULT;")))
}
