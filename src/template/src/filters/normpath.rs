//! A path without `.`, `..` and double slashes.

use crate::filters::ospath;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A path without `.`, `..` and double slashes.
pub static FILTER: Filter = Filter {
    name: "normpath",
    collection: "ansible.builtin",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    Ok(py::text(ospath::normalize(&ospath::input(call)?)))
}
