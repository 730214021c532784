//! Whether an address is private.

use crate::ipaddr::ipaddr;
use crate::{TemplateError, Test, TestCall, py};
use rplay_value::Value;

/// Whether an address is private.
pub static TEST: Test =
    Test { name: "private", collection: "ansible.utils", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let answer =
        ipaddr(&Value::from(py::str(call.input())), "private", None, "private").map_err(|e| call.error(e.0))?;
    Ok(answer.is_true())
}
