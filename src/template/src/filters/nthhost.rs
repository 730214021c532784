//! Address number `query` of a network.

use crate::filters::addresses;
use crate::ipaddr::nth_host;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Address number `query` of a network.
pub static FILTER: Filter = Filter {
    name: "nthhost",
    collection: "ansible.utils",
    aliases: &[],
    params: &["query"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let query = call.opt("query").map(py::str).unwrap_or_default();
    let found = query.trim().parse::<i128>().ok();
    let value = addresses::input(call)?;
    Ok(found.map_or(Mj::from(false), |index| py::from_value(nth_host(&value, index))))
}
