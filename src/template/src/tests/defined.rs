//! Whether a value is there.

use crate::py::Kind;
use crate::{TemplateError, Test, TestCall, py};

/// Whether a value is there.
pub static TEST: Test =
    Test { name: "defined", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: true, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let input = call.input();
    if let (false, Kind::Marker(marker)) = (py::is_undefined(input), py::kind(input)) {
        return Err(marker.error().clone());
    }
    Ok(!py::is_undefined(input))
}
