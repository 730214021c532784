//! The terms as they are.

use minijinja::Value as Mj;
use crate::{Lookup, LookupCall, TemplateError};

/// The terms as they are.
pub static LOOKUP: Lookup = Lookup { name: "list", collection: "ansible.builtin", run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    Ok(call.terms().to_vec())
}
