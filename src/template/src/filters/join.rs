//! The items' texts with `d` between them; with `attribute`, that of each item.

use crate::filters::attribute::Attribute;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The items' texts with `d` between them; with `attribute`, that of each item.
pub static FILTER: Filter = Filter {
    name: "join",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["d", "attribute"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let path = Attribute::new(call.opt("attribute"));
    let between = call.opt("d").map(py::str).unwrap_or_default();
    let mut out = String::new();
    for (i, item) in py::iterate(call.input())?.iter().enumerate() {
        if i > 0 {
            out.push_str(&between);
        }
        let item = path.get(item, None);
        py::trip(&item)?;
        py::str_into(&item, &mut out);
        py::limits::text(out.len())?;
    }
    Ok(py::text(out))
}
