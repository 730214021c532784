//! A path and its extension, as a pair.

use crate::filters::ospath;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A path and its extension, as a pair.
pub static FILTER: Filter = Filter {
    name: "splitext",
    collection: "ansible.builtin",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let path = ospath::input(call)?;
    let (stem, extension) = ospath::split_extension(&path);
    Ok(py::tuple(vec![py::text(stem), py::text(extension)]))
}
