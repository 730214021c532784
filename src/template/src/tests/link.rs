//! Whether there is a symbolic link at this path on the controller.

use crate::filters::ospath;
use crate::{TemplateError, Test, TestCall};

/// Whether there is a symbolic link at this path on the controller.
pub static TEST: Test = Test {
    name: "link",
    collection: "ansible.builtin",
    aliases: &["is_link"],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(std::path::Path::new(&ospath::input(call)?).is_symlink())
}
