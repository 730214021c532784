//! Whether a text is a version 4 netmask.

use crate::ipaddr::Network;
use crate::{TemplateError, Test, TestCall, py};

/// Whether a text is a version 4 netmask.
pub static TEST: Test = Test {
    name: "ipv4_netmask",
    collection: "ansible.utils",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    // As the mask of 10.0.0.0, which is no network of fewer than seven bits.
    let mask = Network::lone(&py::str(call.input())).filter(|mask| mask.version() == 4);
    Ok(mask.is_some_and(|mask| mask.is_netmask() && mask.value().count_ones() >= 7))
}
