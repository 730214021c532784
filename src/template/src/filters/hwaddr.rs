//! A hardware address, or one of its writings: `bare`, `cisco`, `linux`, `unix`, `win`, `int`, ...

use crate::ipaddr::hwaddr;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A hardware address, or one of its writings: `bare`, `cisco`, `linux`, `unix`, `win`, `int`, ...
pub static FILTER: Filter = Filter {
    name: "hwaddr",
    collection: "ansible.utils",
    aliases: &[],
    params: &["query", "alias"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let query = call.opt("query").map(py::str).unwrap_or_default();
    Ok(py::from_value(hwaddr(&py::to_value(call.input())?, &query, "hwaddr")?))
}
