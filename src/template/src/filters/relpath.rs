//! A path as seen from another (the current folder).

use crate::filters::ospath;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A path as seen from another (the current folder).
pub static FILTER: Filter = Filter {
    name: "relpath",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["start"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let path = ospath::input(call)?;
    if path.is_empty() {
        return Err(TemplateError::value_error("no path specified"));
    }
    Ok(py::text(ospath::relative(&path, &call.text_or("start", ".")?)))
}
