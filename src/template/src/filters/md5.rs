//! The MD5 sum of a text.

use crate::filters::digest::digest;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The MD5 sum of a text.
pub static FILTER: Filter =
    Filter { name: "md5", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    Ok(digest("md5", py::str(call.input()).as_bytes()).map_or_else(py::none, py::text))
}
