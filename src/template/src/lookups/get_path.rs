//! The value at a path inside data: the filter of this name as a lookup.

use crate::lookups::terms;
use crate::{Lookup, LookupCall, TemplateError};
use minijinja::Value as Mj;

/// The value at a path inside data: the filter of this name as a lookup.
pub static LOOKUP: Lookup = Lookup { name: "get_path", collection: "ansible.utils", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    terms::as_filter(call, "get_path")
}
