//! A path with `~` and `~name` replaced by home folders.

use crate::filters::ospath;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A path with `~` and `~name` replaced by home folders.
pub static FILTER: Filter = Filter {
    name: "expanduser",
    collection: "ansible.builtin",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    Ok(py::text(ospath::expand_user(&ospath::input(call)?)))
}
