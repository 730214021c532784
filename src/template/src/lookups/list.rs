//! The terms as they are.

use crate::{Lookup, LookupCall, TemplateError};
use minijinja::Value as Mj;

/// The terms as they are.
pub static LOOKUP: Lookup = Lookup { name: "list", collection: "ansible.builtin", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    Ok(call.terms().to_vec())
}
