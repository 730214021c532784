//! Running sums of a list.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Running sums of a list.
pub static FILTER: Filter = Filter {
    name: "accumulate",
    collection: "community.general",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let mut out: Vec<Mj> = Vec::new();
    for item in py::iterate(call.input())? {
        let next = match out.last() {
            Some(sum) => py::add(sum, &item)?,
            None => item,
        };
        out.push(next);
    }
    Ok(py::list(out))
}
