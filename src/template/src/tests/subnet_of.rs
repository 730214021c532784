//! Whether a network lies in another.

use crate::ipaddr::network_in;
use crate::{TemplateError, Test, TestCall, py};
use rplay_value::Value;

/// Whether a network lies in another.
pub static TEST: Test = Test {
    name: "subnet_of",
    collection: "ansible.utils",
    aliases: &[],
    params: &["network"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(network_in(&Value::from(py::str(call.arg("network")?)), &Value::from(py::str(call.input())), false))
}
