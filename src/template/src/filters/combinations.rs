//! All choices of `r` items, in order.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// All choices of `r` items, in order.
pub static FILTER: Filter = Filter {
    name: "combinations",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["r"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let items = py::iterate(call.input())?;
    call.arg("r")?;
    let Ok(size) = usize::try_from(call.int("r", 0)?) else {
        return Err(TemplateError::value_error("r must be non-negative"));
    };
    if size > items.len() {
        return Ok(py::list(Vec::new()));
    }
    // n! / r! (n - r)!, which stays whole step by step.
    let count = (0..size).try_fold(1_usize, |count, taken| Some(count.checked_mul(items.len() - taken)? / (taken + 1)));
    py::limits::list(count.unwrap_or(usize::MAX).saturating_mul(size))?;
    let mut out = Vec::new();
    extend(&items, size, 0, &mut Vec::new(), &mut out);
    Ok(py::list(out))
}

fn extend(items: &[Mj], size: usize, from: usize, taken: &mut Vec<Mj>, out: &mut Vec<Mj>) {
    if taken.len() == size {
        out.push(py::tuple(taken.clone()));
        return;
    }
    for at in from..items.len() {
        taken.push(items[at].clone());
        extend(items, size, at + 1, taken, out);
        taken.pop();
    }
}
