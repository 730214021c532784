//! All ways to take one item of each list.

use crate::lookups::terms;
use crate::py::Kind;
use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;

/// All ways to take one item of each list.
pub static LOOKUP: Lookup =
    Lookup { name: "cartesian", collection: "community.general", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    if call.terms().is_empty() {
        return Err(call.error("with_cartesian requires at least one element in each list"));
    }
    product(call.terms())
}

/// The product of lists; lists among the taken items are opened.
pub(crate) fn product(lists: &[Mj]) -> Result<Vec<Mj>, TemplateError> {
    let mut rows: Vec<Vec<Mj>> = vec![Vec::new()];
    for list in lists {
        let pool = match py::kind(list) {
            Kind::Str(_) => vec![list.clone()],
            _ => py::iterate(list)?,
        };
        rows = rows
            .iter()
            .flat_map(|row| pool.iter().map(move |item| row.iter().chain([item]).cloned().collect()))
            .collect();
    }
    rows.iter().map(|row| Ok(py::list(terms::flatten(row)?))).collect()
}
