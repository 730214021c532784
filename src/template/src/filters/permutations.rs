//! All orders of `r` items (of all).

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// All orders of `r` items (of all).
pub static FILTER: Filter = Filter {
    name: "permutations",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["r"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let items = py::iterate(call.input())?;
    let size = match call.opt("r").filter(|r| !r.is_none()) {
        Some(_) => call.int("r", 0)?,
        None => items.len() as i64,
    };
    let Ok(size) = usize::try_from(size) else {
        return Err(TemplateError::value_error("r must be non-negative"));
    };
    // n! / (n - r)!
    let count = (0..size.min(items.len())).fold(1_usize, |count, taken| count.saturating_mul(items.len() - taken));
    if size <= items.len() {
        py::limits::list(count.saturating_mul(size))?;
    } else {
        return Ok(py::list(Vec::new()));
    }
    let mut out = Vec::new();
    extend(&items, size, &mut Vec::new(), &mut out);
    Ok(py::list(out))
}

fn extend(items: &[Mj], size: usize, taken: &mut Vec<usize>, out: &mut Vec<Mj>) {
    if taken.len() == size {
        out.push(py::tuple(taken.iter().map(|at| items[*at].clone()).collect()));
        return;
    }
    for at in 0..items.len() {
        if !taken.contains(&at) {
            taken.push(at);
            extend(items, size, taken, out);
            taken.pop();
        }
    }
}
