//! The terms, with lists among them opened one level.

use crate::lookups::terms;
use crate::{Lookup, LookupCall, TemplateError};
use minijinja::Value as Mj;

/// The terms, with lists among them opened one level.
pub static LOOKUP: Lookup = Lookup { name: "items", collection: "ansible.builtin", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    terms::flatten(call.terms())
}
