//! Whether a text is a version 4 hostmask.

use crate::ipaddr::Network;
use crate::{TemplateError, Test, TestCall, py};

/// Whether a text is a version 4 hostmask.
pub static TEST: Test = Test {
    name: "ipv4_hostmask",
    collection: "ansible.utils",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let mask = Network::lone(&py::str(call.input())).filter(|mask| mask.version() == 4);
    // As the mask of 10.0.0.0, which is no network of fewer than seven bits; none and all are read as netmasks.
    Ok(mask.is_some_and(|mask| mask.is_hostmask() && (1..=25).contains(&mask.value().count_ones())))
}
