//! All ways to take one item of each list, the last one changing fastest.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// All ways to take one item of each list, the last one changing fastest.
pub static FILTER: Filter = Filter {
    name: "product",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["*", "repeat"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let mut pools = Vec::new();
    for list in std::iter::once(call.input()).chain(call.rest()) {
        pools.push(py::iterate(list)?);
    }
    let repeat = usize::try_from(call.int("repeat", 1)?).unwrap_or(0);
    let items: usize = pools.iter().map(Vec::len).fold(1, usize::saturating_mul);
    let count = (0..repeat.min(64)).fold(1_usize, |count, _| count.saturating_mul(items));
    py::limits::list(count.saturating_mul(pools.len()).saturating_mul(repeat.max(1)))?;
    let pools: Vec<&Vec<Mj>> = (0..repeat).flat_map(|_| pools.iter()).collect();
    let mut rows: Vec<Vec<Mj>> = vec![Vec::new()];
    for pool in pools {
        rows = rows
            .iter()
            .flat_map(|row| pool.iter().map(move |item| row.iter().chain([item]).cloned().collect()))
            .collect();
    }
    Ok(py::list(rows.into_iter().map(py::tuple).collect()))
}
