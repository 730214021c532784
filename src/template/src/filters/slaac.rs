//! The address that stateless configuration gives a hardware address in an IPv6 network.

use crate::filters::addresses;
use crate::ipaddr::slaac;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The address that stateless configuration gives a hardware address in an IPv6 network.
pub static FILTER: Filter = Filter {
    name: "slaac",
    collection: "ansible.utils",
    aliases: &[],
    params: &["query"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let hardware = call.opt("query").map(py::str).unwrap_or_default();
    Ok(py::from_value(slaac(&addresses::input(call)?, &hardware)))
}
