//! Whether a text is a URI; `schemes` restricts its scheme.

use crate::{TemplateError, Test, TestCall};

/// Whether a text is a URI; `schemes` restricts its scheme.
pub static TEST: Test = Test {
    name: "uri",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["schemes"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    crate::tests::results::is_uri(call)
}
