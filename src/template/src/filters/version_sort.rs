//! Texts sorted as versions: 2.9 before 2.10.

use crate::versions::loose_order;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Texts sorted as versions: 2.9 before 2.10.
pub static FILTER: Filter = Filter {
    name: "version_sort",
    collection: "community.general",
    aliases: &[],
    params: &["reverse"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let mut rows: Vec<(String, Mj)> =
        py::iterate(call.input())?.into_iter().map(|item| (py::str(&item), item)).collect();
    if call.bool("reverse", false)? {
        rows.sort_by(|a, b| loose_order(&b.0, &a.0));
    } else {
        rows.sort_by(|a, b| loose_order(&a.0, &b.0));
    }
    Ok(py::list(rows.into_iter().map(|row| row.1).collect()))
}
