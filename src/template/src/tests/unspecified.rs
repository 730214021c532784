//! Whether an address is the one that stands for none: `0.0.0.0` or `::`.

use crate::ipaddr::Network;
use crate::{TemplateError, Test, TestCall, py};

/// Whether an address is the one that stands for none: `0.0.0.0` or `::`.
pub static TEST: Test =
    Test { name: "unspecified", collection: "ansible.utils", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(Network::lone(&py::str(call.input())).is_some_and(|address| address.value() == 0))
}
