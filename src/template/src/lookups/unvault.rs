//! Contents of files on the controller, decrypted when they are vault files.

use crate::lookups::terms;
use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;

/// Contents of files on the controller, decrypted when they are vault files.
pub static LOOKUP: Lookup = Lookup { name: "unvault", collection: "ansible.builtin", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    call.terms().iter().map(|term| Ok(py::text(terms::file_text(call, &terms::text(term)?)?))).collect()
}
