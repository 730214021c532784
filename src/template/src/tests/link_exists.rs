//! Whether there is something at this path on the controller, be it a dangling link.

use crate::filters::ospath;
use crate::{TemplateError, Test, TestCall};

/// Whether there is something at this path on the controller, be it a dangling link.
pub static TEST: Test = Test {
    name: "link_exists",
    collection: "ansible.builtin",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(fs_err::symlink_metadata(ospath::input(call)?).is_ok())
}
