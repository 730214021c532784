//! The addresses of a list that lie in a network.

use crate::ipaddr;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The addresses of a list that lie in a network.
pub static FILTER: Filter = Filter {
    name: "reduce_on_network",
    collection: "ansible.utils",
    aliases: &[],
    params: &["network"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let items = py::iterate(call.input())?.iter().map(py::to_value).collect::<Result<Vec<_>, _>>()?;
    Ok(py::from_value(ipaddr::reduce_on_network(&items, &py::to_value(call.arg("network")?)?)))
}
