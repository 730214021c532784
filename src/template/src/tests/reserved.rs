//! Whether an address is kept for later use.

use crate::ipaddr::Network;
use crate::{TemplateError, Test, TestCall, py};

/// Whether an address is kept for later use.
pub static TEST: Test =
    Test { name: "reserved", collection: "ansible.utils", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(Network::lone(&py::str(call.input())).is_some_and(Network::is_reserved))
}
