//! The usable address `offset` after the one given.

use crate::filters::addresses;
use crate::ipaddr::next_usable;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The usable address `offset` after the one given.
pub static FILTER: Filter = Filter {
    name: "next_nth_usable",
    collection: "ansible.utils",
    aliases: &[],
    params: &["offset"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    call.arg("offset")?;
    Ok(py::from_value(next_usable(&addresses::input(call)?, i128::from(call.int("offset", 0)?))))
}
