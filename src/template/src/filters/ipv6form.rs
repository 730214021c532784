//! An address written in full (`expand`), as short as can be (`compress`) or as certificates have it (`x509`).

use crate::ipaddr::Network;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// An address written in full (`expand`), as short as can be (`compress`) or as certificates have it (`x509`).
pub static FILTER: Filter = Filter {
    name: "ipv6form",
    collection: "ansible.utils",
    aliases: &[],
    params: &["format"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let text = py::str(call.input());
    let format = call.text("format")?;
    if !matches!(&*format, "expand" | "compress" | "x509") {
        let message = format!("value of format must be one of: compress, expand, x509, got: {format}");
        return Err(call.error(message));
    }
    let Some(address) = Network::lone(&text) else {
        return Err(call.error(match &*format {
            "x509" => format!("failed to detect a valid IP address from {}", py::repr(&py::text(text))),
            _ => format!("You must pass a valid IP address; {text} is invalid"),
        }));
    };
    if address.version() == 4 || &*format == "compress" {
        return Ok(py::text(address.address()));
    }
    let groups = (0..8).rev().map(|at| address.value() >> (16 * at) & 0xffff);
    let groups: Vec<String> =
        groups.map(|group| if &*format == "expand" { format!("{group:04x}") } else { format!("{group:x}") }).collect();
    Ok(py::text(groups.join(":")))
}
