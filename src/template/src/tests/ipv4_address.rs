//! Whether a text is an IPv4 address.

use crate::ipaddr::Network;
use crate::{TemplateError, Test, TestCall, py};

/// Whether a text is an IPv4 address.
pub static TEST: Test = Test {
    name: "ipv4_address",
    collection: "ansible.utils",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let text = py::str(call.input());
    Ok(Network::parse(&text).is_some_and(|network| network.version() == 4 && !text.contains('/')))
}
