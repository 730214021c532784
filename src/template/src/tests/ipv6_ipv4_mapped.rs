//! Whether a version 6 address holds one of version 4 (`::ffff:0:0/96`).

use crate::ipaddr::Network;
use crate::{TemplateError, Test, TestCall, py};

/// Whether a version 6 address holds one of version 4 (`::ffff:0:0/96`).
pub static TEST: Test = Test {
    name: "ipv6_ipv4_mapped",
    collection: "ansible.utils",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(Network::lone(&py::str(call.input()))
        .is_some_and(|address| address.version() == 6 && address.value() >> 32 == 0xffff))
}
