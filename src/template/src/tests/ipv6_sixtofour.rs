//! Whether an address is a 6to4 address (`2002::/16`).

use crate::ipaddr::Network;
use crate::{TemplateError, Test, TestCall, py};

/// Whether an address is a 6to4 address (`2002::/16`).
pub static TEST: Test = Test {
    name: "ipv6_sixtofour",
    collection: "ansible.utils",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(Network::lone(&py::str(call.input()))
        .is_some_and(|address| address.version() == 6 && address.value() >> 112 == 0x2002))
}
