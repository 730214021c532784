//! Whether text is marked as safe for HTML. rplay escapes nothing by itself and keeps no such mark.

use crate::{TemplateError, Test, TestCall};

/// Whether text is marked as safe for HTML. rplay escapes nothing by itself and keeps no such mark.
pub static TEST: Test =
    Test { name: "escaped", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(call.input().is_undefined())
}
