//! Whether two paths lead to the same file on the controller.

use crate::filters::ospath;
use crate::{TemplateError, Test, TestCall};

/// Whether two paths lead to the same file on the controller.
pub static TEST: Test = Test {
    name: "same_file",
    collection: "ansible.builtin",
    aliases: &["is_same_file"],
    params: &["other"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    use std::os::unix::fs::MetadataExt as _;
    let read =
        |path: &str| fs_err::metadata(path).map(|m| (m.dev(), m.ino())).map_err(|e| TemplateError::file(e.to_string()));
    Ok(read(&ospath::input(call)?)? == read(&call.text("other")?)?)
}
