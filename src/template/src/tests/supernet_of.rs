//! Whether a network holds another.

use crate::ipaddr::network_in;
use crate::{TemplateError, Test, TestCall, py};
use rplay_value::Value;

/// Whether a network holds another.
pub static TEST: Test = Test {
    name: "supernet_of",
    collection: "ansible.utils",
    aliases: &[],
    params: &["network"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(network_in(&Value::from(py::str(call.input())), &Value::from(py::str(call.arg("network")?)), false))
}
