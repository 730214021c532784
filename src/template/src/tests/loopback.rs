//! Whether an address is a loopback address.

use crate::ipaddr::ipaddr;
use crate::{TemplateError, Test, TestCall, py};
use rplay_value::Value;

/// Whether an address is a loopback address.
pub static TEST: Test =
    Test { name: "loopback", collection: "ansible.utils", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let answer =
        ipaddr(&Value::from(py::str(call.input())), "loopback", None, "loopback").map_err(|e| call.error(e.0))?;
    Ok(answer.is_true())
}
