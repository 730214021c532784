//! Whether there is something at this path on the controller; a dangling link is nothing.

use crate::filters::ospath;
use crate::{TemplateError, Test, TestCall};

/// Whether there is something at this path on the controller; a dangling link is nothing.
pub static TEST: Test =
    Test { name: "exists", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(std::path::Path::new(&ospath::input(call)?).exists())
}
