//! The items with their numbers, as pairs.

use crate::lookups::terms;
use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;

/// The items with their numbers, as pairs.
pub static LOOKUP: Lookup =
    Lookup { name: "indexed_items", collection: "ansible.builtin", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    let items = terms::flatten(call.terms())?;
    Ok(items.into_iter().enumerate().map(|(i, item)| py::tuple(vec![Mj::from(i as i64), item])).collect())
}
