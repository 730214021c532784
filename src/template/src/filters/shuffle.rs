//! The items in random order; with `seed` always the same one (CPython's).

use crate::filters::seeded;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The items in random order; with `seed` always the same one (CPython's).
pub static FILTER: Filter = Filter {
    name: "shuffle",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["seed"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let Ok(mut items) = py::iterate(call.input()) else { return Ok(call.input().clone()) };
    seeded::random(call.opt("seed").filter(|seed| seed.is_true()))?.shuffle(&mut items);
    Ok(py::list(items))
}
