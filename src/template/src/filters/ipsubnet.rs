//! Subnets of a network by size and number, or the number of a subnet in a network.

use crate::filters::addresses;
use crate::ipaddr::ip_subnet;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Subnets of a network by size and number, or the number of a subnet in a network.
pub static FILTER: Filter = Filter {
    name: "ipsubnet",
    collection: "ansible.utils",
    aliases: &[],
    params: &["query", "index"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let query = call.opt("query").map(py::str).unwrap_or_default();
    let index = match call.opt("index").filter(|index| !index.is_none()) {
        Some(index) => Some(py::str(index).parse().map_err(|_| call.error("ipsubnet: index must be a number"))?),
        None => None,
    };
    Ok(py::from_value(ip_subnet(&addresses::input(call)?, &query, index)?))
}
