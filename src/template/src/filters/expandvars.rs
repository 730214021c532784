//! A path with `$NAME` and `${NAME}` replaced from the environment.

use crate::filters::ospath;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A path with `$NAME` and `${NAME}` replaced from the environment.
pub static FILTER: Filter = Filter {
    name: "expandvars",
    collection: "ansible.builtin",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    Ok(py::text(ospath::expand_variables(&ospath::input(call)?)))
}
