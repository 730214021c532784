//! The fewest networks that cover the same addresses (`merge`), or one that spans them all (`span`).

use crate::ipaddr;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The fewest networks that cover the same addresses (`merge`), or one that spans them all (`span`).
pub static FILTER: Filter = Filter {
    name: "cidr_merge",
    collection: "ansible.utils",
    aliases: &[],
    params: &["action"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    if !py::is_iterable(call.input()) {
        return Err(call.error(format!("cidr_merge: expected iterable, got {}", py::repr(call.input()))));
    }
    let items = py::iterate(call.input())?.iter().map(py::to_value).collect::<Result<Vec<_>, _>>()?;
    Ok(py::from_value(match &*call.text_or("action", "merge")? {
        "merge" => ipaddr::cidr_merge(&items)?,
        "span" => ipaddr::spanning(&items)?,
        other => return Err(call.error(format!("cidr_merge: invalid action '{other}'")).hint("merge or span")),
    }))
}
