//! The lines that shell commands on the controller write.

use crate::filters::lines::split_lines;
use crate::lookups::terms;
use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;

/// The lines that shell commands on the controller write.
pub static LOOKUP: Lookup = Lookup { name: "lines", collection: "ansible.builtin", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    let mut out = Vec::new();
    for term in call.terms() {
        let text = terms::shell_output(call, &terms::text(term)?)?;
        out.extend(split_lines(&text).into_iter().map(py::text));
    }
    Ok(out)
}
