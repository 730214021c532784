//! What `min` and `max` share.

use minijinja::Value as Mj;

use super::attribute::{Attribute, fold_case};
use crate::{FilterCall, TemplateError, py};

/// The first item that no other is smaller (`largest`: larger) than.
pub(crate) fn extreme(call: &FilterCall<'_>, largest: bool) -> Result<Mj, TemplateError> {
    let path = Attribute::new(call.opt("attribute"));
    let case_sensitive = call.bool("case_sensitive", false)?;
    let key = |item: &Mj| {
        let found = path.get(item, None);
        py::trip(&found)?;
        Ok::<_, TemplateError>(if case_sensitive { found } else { fold_case(found) })
    };
    let mut best: Option<(Mj, Mj)> = None;
    for item in py::iterate(call.input())? {
        let found = key(&item)?;
        let better = match &best {
            None => true,
            Some((_, known)) if largest => py::order(&found, py::Order::Greater, known)?,
            Some((_, known)) => py::less(&found, known)?,
        };
        if better {
            best = Some((item, found));
        }
    }
    let empty = || py::marker(TemplateError::undefined("No aggregated item, sequence was empty."));
    Ok(best.map_or_else(empty, |(item, _)| item))
}
