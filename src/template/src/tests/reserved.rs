//! Whether an address is kept for later use.

use crate::ipaddr::Network;
use crate::{TemplateError, Test, TestCall, py};

/// Whether an address is kept for later use.
pub static TEST: Test =
    Test { name: "reserved", collection: "ansible.utils", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let text = py::str(call.input());
    let address = Network::parse(&text).filter(|_| !text.contains('/'));
    Ok(address.is_some_and(Network::is_reserved))
}
