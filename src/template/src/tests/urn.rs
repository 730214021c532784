//! Whether a text is a URN.

use crate::filters::url::Url;
use crate::{TemplateError, Test, TestCall, py};

/// Whether a text is a URN.
pub static TEST: Test =
    Test { name: "urn", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(Url::parse(&py::str(call.input())).is_ok_and(|url| url.scheme == "urn"))
}
