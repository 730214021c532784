//! Whether a value counts as true; with `convert_bool`, words such as `yes` and `off` are understood.

use crate::{TemplateError, Test, TestCall};

/// Whether a value counts as true; with `convert_bool`, words such as `yes` and `off` are understood.
pub static TEST: Test = Test {
    name: "truthy",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["convert_bool"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    crate::tests::results::truth(call)
}
