//! An IPv4 address in hexadecimal.

use crate::ipaddr::Network;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// An IPv4 address in hexadecimal.
pub static FILTER: Filter = Filter {
    name: "ip4_hex",
    collection: "ansible.utils",
    aliases: &[],
    params: &["delimiter"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let text = py::str(call.input());
    let Some(network) = Network::parse(&text).filter(|n| n.version() == 4 && !text.contains('/')) else {
        return Err(call.error(format!("You must pass a valid IP address; {text} is invalid")));
    };
    let parts: Vec<String> = (network.value() as u32).to_be_bytes().iter().map(|b| format!("{b:02x}")).collect();
    Ok(py::text(parts.join(&call.text_or("delimiter", "")?)))
}
