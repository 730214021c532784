//! Where in a list the items are for which a test holds: the filter of this name as a lookup.

use crate::lookups::terms;
use crate::{Lookup, LookupCall, TemplateError};
use minijinja::Value as Mj;

/// Where in a list the items are for which a test holds: the filter of this name as a lookup.
pub static LOOKUP: Lookup = Lookup { name: "index_of", collection: "ansible.utils", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    terms::as_filter(call, "index_of")
}
