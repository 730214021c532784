//! The terms with all lists inside opened.

use crate::py::Kind;
use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;

/// The terms with all lists inside opened.
pub static LOOKUP: Lookup =
    Lookup { name: "flattened", collection: "community.general", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    let mut out = Vec::new();
    flatten(call.terms(), &mut out)?;
    Ok(out)
}

fn flatten(terms: &[Mj], out: &mut Vec<Mj>) -> Result<(), TemplateError> {
    for term in terms {
        match py::kind(term) {
            Kind::List(_) | Kind::Tuple(_) => flatten(&py::iterate(term)?, out)?,
            Kind::None => {}
            Kind::Str("None" | "null") => {}
            _ => out.push(term.clone()),
        }
    }
    Ok(())
}
