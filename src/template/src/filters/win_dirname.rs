//! A Windows path without its last part.

use crate::filters::ospath;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A Windows path without its last part.
pub static FILTER: Filter = Filter {
    name: "win_dirname",
    collection: "ansible.builtin",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    Ok(py::text(ospath::nt_split(&ospath::input(call)?).0))
}
