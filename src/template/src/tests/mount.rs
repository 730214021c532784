//! Whether a path on the controller is a mount point.

use crate::filters::ospath;
use crate::{TemplateError, Test, TestCall};

/// Whether a path on the controller is a mount point.
pub static TEST: Test = Test {
    name: "mount",
    collection: "ansible.builtin",
    aliases: &["is_mount"],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    use std::os::unix::fs::MetadataExt as _;
    let path = ospath::input(call)?;
    let Ok(here) = fs_err::symlink_metadata(&path) else { return Ok(false) };
    if here.is_symlink() {
        return Ok(false);
    }
    let parent = ospath::real(&ospath::join(&path, ".."));
    Ok(fs_err::symlink_metadata(parent).is_ok_and(|parent| parent.dev() != here.dev() || parent.ino() == here.ino()))
}
