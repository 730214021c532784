//! Whether a text is a URL: a URI with a host, or of scheme `file`.

use crate::filters::url::Url;
use crate::{TemplateError, Test, TestCall, py};

/// Whether a text is a URL: a URI with a host, or of scheme `file`.
pub static TEST: Test = Test {
    name: "url",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["schemes"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    if !crate::tests::results::is_uri(call)? {
        return Ok(false);
    }
    Ok(Url::parse(&py::str(call.input())).is_ok_and(|url| !url.netloc.is_empty() || url.scheme == "file"))
}
