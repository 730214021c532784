//! All ways to take one item of each list, the last one changing fastest.

use crate::{Lookup, LookupCall, TemplateError};
use minijinja::Value as Mj;

/// All ways to take one item of each list, the last one changing fastest.
pub static LOOKUP: Lookup = Lookup { name: "nested", collection: "ansible.builtin", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    if call.terms().is_empty() {
        return Err(call.error("with_nested requires at least one element in the nested list"));
    }
    crate::lookups::cartesian::product(call.terms())
}
