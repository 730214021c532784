//! As `hwaddr`.

use crate::ipaddr::hwaddr;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// As `hwaddr`.
pub static FILTER: Filter = Filter {
    name: "macaddr",
    collection: "ansible.utils",
    aliases: &[],
    params: &["query"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let query = call.opt("query").map(py::str).unwrap_or_default();
    Ok(py::from_value(hwaddr(&py::to_value(call.input())?, &query, "macaddr")?))
}
