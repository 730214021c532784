//! Text in Base64; `urlsafe` for use in URLs and file names.

use crate::filters::encoding;
use crate::{Filter, FilterCall, TemplateError, py};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use minijinja::Value as Mj;

/// Text in Base64; `urlsafe` for use in URLs and file names.
pub static FILTER: Filter = Filter {
    name: "b64encode",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["encoding", "urlsafe"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let bytes = encoding::encode(&py::str(call.input()), &call.text_or("encoding", "utf-8")?)?;
    let engine = if call.bool("urlsafe", false)? { &URL_SAFE } else { &STANDARD };
    Ok(py::text(engine.encode(bytes)))
}
