//! Whether an address is a Teredo address (`2001::/32`).

use crate::ipaddr::Network;
use crate::{TemplateError, Test, TestCall, py};

/// Whether an address is a Teredo address (`2001::/32`).
pub static TEST: Test =
    Test { name: "ipv6_teredo", collection: "ansible.utils", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(Network::lone(&py::str(call.input()))
        .is_some_and(|address| address.version() == 6 && address.value() >> 96 == 0x2001_0000))
}
