//! Text with every occurrence of `old` (with `count`, only that many) replaced by `new`.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Text with every occurrence of `old` (with `count`, only that many) replaced by `new`.
pub static FILTER: Filter = Filter {
    name: "replace",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["old", "new", "count"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    call.need(&["old", "new"])?;
    let text = py::str(call.input());
    let (old, new) = (py::str(call.arg("old")?), py::str(call.arg("new")?));
    let count = call.opt("count").filter(|count| !count.is_none());
    let limit = match count {
        Some(_) => usize::try_from(call.int("count", -1)?).unwrap_or(usize::MAX),
        None => usize::MAX,
    };
    py::limits::replaced(&text, &old, &new)?;
    Ok(py::text(text.replacen(&old, &new, limit)))
}
