//! The last part of a Windows path.

use crate::filters::ospath;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The last part of a Windows path.
pub static FILTER: Filter = Filter {
    name: "win_basename",
    collection: "ansible.builtin",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    Ok(py::text(ospath::nt_split(&ospath::input(call)?).1))
}
