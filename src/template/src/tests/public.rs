//! Whether an address is public.

use crate::ipaddr::ipaddr;
use crate::{TemplateError, Test, TestCall, py};
use rplay_value::Value;

/// Whether an address is public.
pub static TEST: Test =
    Test { name: "public", collection: "ansible.utils", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let answer = ipaddr(&Value::from(py::str(call.input())), "public", None, "public").map_err(|e| call.error(e.0))?;
    Ok(answer.is_true())
}
