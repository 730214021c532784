//! What shell commands on the controller write.

use crate::lookups::terms;
use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;

/// What shell commands on the controller write.
pub static LOOKUP: Lookup = Lookup { name: "pipe", collection: "ansible.builtin", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    call.terms().iter().map(|term| Ok(py::text(terms::shell_output(call, &terms::text(term)?)?.trim_end()))).collect()
}
