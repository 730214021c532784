//! A nested value as a dict of paths: the filter of this name as a lookup.

use crate::lookups::terms;
use crate::{Lookup, LookupCall, TemplateError};
use minijinja::Value as Mj;

/// A nested value as a dict of paths: the filter of this name as a lookup.
pub static LOOKUP: Lookup = Lookup { name: "to_paths", collection: "ansible.utils", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    terms::as_filter(call, "to_paths")
}
