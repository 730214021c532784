//! Every address of a network, and how many there are.

use crate::ipaddr;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Every address of a network, and how many there are.
pub static FILTER: Filter = Filter {
    name: "usable_range",
    collection: "ansible.utils",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    Ok(py::from_value(ipaddr::usable_range(&py::str(call.input()))?))
}
