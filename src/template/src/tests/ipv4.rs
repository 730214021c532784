//! Whether a text is an IPv4 address or network.

use crate::ipaddr::Network;
use crate::{TemplateError, Test, TestCall, py};

/// Whether a text is an IPv4 address or network.
pub static TEST: Test =
    Test { name: "ipv4", collection: "ansible.utils", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let text = py::str(call.input());
    Ok(Network::parse(&text).is_some_and(|network| network.version() == 4))
}
