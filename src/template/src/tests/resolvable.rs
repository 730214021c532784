//! Whether a name has an address, or an address a name.

use crate::{TemplateError, Test, TestCall, py};
use std::net::ToSocketAddrs as _;
use std::process::{Command, Stdio};

/// Whether a name has an address, or an address a name.
pub static TEST: Test =
    Test { name: "resolvable", collection: "ansible.utils", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let host = py::str(call.input());
    // An address is asked for its name through the resolver, which only the C library's program knows all of.
    if host.parse::<std::net::IpAddr>().is_ok() {
        let found = Command::new("getent").arg("hosts").arg(&host).stdout(Stdio::null()).stderr(Stdio::null()).status();
        return Ok(found.is_ok_and(|status| status.success()));
    }
    Ok((host.as_str(), 0).to_socket_addrs().is_ok_and(|mut addresses| addresses.next().is_some()))
}
