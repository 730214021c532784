//! The drive or share of a Windows path and the rest, as a pair.

use crate::filters::ospath;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The drive or share of a Windows path and the rest, as a pair.
pub static FILTER: Filter = Filter {
    name: "win_splitdrive",
    collection: "ansible.builtin",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let path = ospath::input(call)?;
    let (drive, rest) = ospath::nt_split_drive(&path);
    Ok(py::tuple(vec![py::text(drive), py::text(rest)]))
}
