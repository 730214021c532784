//! Whether an address or network is in any of several networks.

use crate::ipaddr::network_in;
use crate::{TemplateError, Test, TestCall, py};
use rplay_value::Value;

/// Whether an address or network is in any of several networks.
pub static TEST: Test = Test {
    name: "in_any_network",
    collection: "ansible.utils",
    aliases: &[],
    params: &["networks"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let address = Value::from(py::str(call.input()));
    let mut found = 0_usize;
    for network in py::iterate(call.arg("networks")?)? {
        found += usize::from(network_in(&Value::from(py::str(&network)), &address, false));
    }
    Ok(found > 0)
}
