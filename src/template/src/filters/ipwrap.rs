//! IPv6 addresses in brackets; everything else as it is.

use crate::filters::addresses;
use crate::ipaddr::ip_wrap;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// IPv6 addresses in brackets; everything else as it is.
pub static FILTER: Filter =
    Filter { name: "ipwrap", collection: "ansible.utils", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    Ok(py::from_value(ip_wrap(&addresses::input(call)?)))
}
