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
    Ok(count(call)? > 0)
}

/// How many of the call's networks hold the input.
pub(crate) fn count(call: &TestCall<'_>) -> Result<usize, TemplateError> {
    let address = Value::from(py::str(call.input()));
    let networks = py::iterate(call.arg("networks")?)?;
    Ok(networks.iter().filter(|network| network_in(&Value::from(py::str(network)), &address, false)).count())
}
