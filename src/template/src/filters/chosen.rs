//! What `select`, `reject`, `selectattr` and `rejectattr` share.

use minijinja::Value as Mj;

use super::attribute::Attribute;
use crate::{FilterCall, TemplateError, py};

/// The items for which a test holds (`wanted`) or does not; `of_attribute` tests an attribute of each.
pub(crate) fn choose(call: &FilterCall<'_>, of_attribute: bool, wanted: bool) -> Result<Mj, TemplateError> {
    let input = call.input();
    if !py::truthy(input)? {
        return Ok(py::list(Vec::new()));
    }
    let mut args = call.rest();
    let mut path = Attribute::new(None);
    if of_attribute {
        let Some((attribute, rest)) = args.split_first() else {
            return Err(call.error("Missing parameter for attribute name"));
        };
        path = Attribute::new(Some(attribute));
        args = rest;
    }
    let test = args.split_first().map(|(name, rest)| (py::str(name), rest));
    let mut kept = Vec::new();
    for item in py::iterate(input)? {
        let subject = path.get(&item, None);
        let holds = match &test {
            Some((name, args)) => call.test(name, subject, args.to_vec(), call.keywords().clone())?,
            None => py::truthy(&subject)?,
        };
        if holds == wanted {
            kept.push(item);
        }
    }
    Ok(py::list(kept))
}
