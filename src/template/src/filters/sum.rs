//! The items added up, from `start` (0); with `attribute`, that of each item.

use crate::filters::attribute::Attribute;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The items added up, from `start` (0); with `attribute`, that of each item.
pub static FILTER: Filter = Filter {
    name: "sum",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["attribute", "start"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let path = Attribute::new(call.opt("attribute"));
    let mut total = call.opt("start").cloned().unwrap_or_else(|| Mj::from(0));
    if total.as_str().is_some() {
        return Err(TemplateError::type_error("sum() can't sum strings [use ''.join(seq) instead]"));
    }
    for item in py::iterate(call.input())? {
        let found = path.get(&item, None);
        total = py::add(&total, &found)?;
    }
    Ok(total)
}
