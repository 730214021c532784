//! Whether a text is an address or a network.

use crate::ipaddr::Network;
use crate::{TemplateError, Test, TestCall, py};

/// Whether a text is an address or a network.
pub static TEST: Test =
    Test { name: "ip", collection: "ansible.utils", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let text = py::str(call.input());
    Ok(Network::parse(&text).is_some_and(|_| true))
}
