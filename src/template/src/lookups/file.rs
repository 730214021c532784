//! Contents of files on the controller, without blanks at the end (`rstrip`) or the start (`lstrip`).

use crate::lookups::terms;
use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;

/// Contents of files on the controller, without blanks at the end (`rstrip`) or the start (`lstrip`).
pub static LOOKUP: Lookup = Lookup { name: "file", collection: "ansible.builtin", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    let mut out = Vec::new();
    for term in call.terms() {
        let mut text = terms::file_text(call, &terms::text(term)?)?;
        if call.bool("lstrip", false)? {
            text.drain(..text.len() - text.trim_start().len());
        }
        if call.bool("rstrip", true)? {
            text.truncate(text.trim_end().len());
        }
        out.push(py::text(text));
    }
    Ok(out)
}
