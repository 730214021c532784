//! Whether the address or network `test` lies in the usable part of the input network.

use crate::filters::addresses;
use crate::ipaddr::network_in;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Whether the address or network `test` lies in the usable part of the input network.
pub static FILTER: Filter = Filter {
    name: "network_in_usable",
    collection: "ansible.utils",
    aliases: &[],
    params: &["test"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let test = py::to_value(call.arg("test")?)?;
    Ok(Mj::from(network_in(&addresses::input(call)?, &test, true)))
}
