//! Whether an address is in a network.

use crate::ipaddr::network_in;
use crate::{TemplateError, Test, TestCall, py};
use rplay_value::Value;

/// Whether an address is in a network.
pub static TEST: Test = Test {
    name: "in_network",
    collection: "ansible.utils",
    aliases: &[],
    params: &["network"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(network_in(&Value::from(py::str(call.arg("network")?)), &Value::from(py::str(call.input())), false))
}
