//! Whether a text is a hardware address.

use crate::ipaddr::Hardware;
use crate::{TemplateError, Test, TestCall, py};

/// Whether a text is a hardware address.
pub static TEST: Test =
    Test { name: "mac", collection: "ansible.utils", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(Hardware::parse(&py::str(call.input())).is_some())
}
