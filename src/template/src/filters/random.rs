//! A random item, or a random number below the input; with `seed` always the same one (CPython's).

use crate::filters::seeded;
use crate::py::Kind;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A random item, or a random number below the input; with `seed` always the same one (CPython's).
pub static FILTER: Filter = Filter {
    name: "random",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["start", "step", "seed"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let mut random = seeded::random(call.opt("seed"))?;
    let end = call.input();
    let given = |name| call.opt(name).filter(|value| value.is_true());
    if let Some(end) = py::as_index(end) {
        let start = if given("start").is_some() { call.int("start", 0)? } else { 0 };
        let step = if given("step").is_some() { call.int("step", 1)? } else { 1 };
        let width = i128::from(end) - i128::from(start);
        let step_wide = i128::from(step);
        let count =
            if step > 0 { (width + step_wide - 1).div_euclid(step_wide) } else { (width + step_wide + 1) / step_wide };
        let Some(count) = u64::try_from(count).ok().filter(|count| *count > 0) else {
            return Err(TemplateError::value_error(format!("empty range for randrange() ({start}, {end}, {width})")));
        };
        return Ok(Mj::from(start + step * random.below(count) as i64));
    }
    if !py::is_iterable(end) {
        return Err(call.error("random can only be used on sequences and integers"));
    }
    if given("start").is_some() || given("step").is_some() {
        return Err(call.error("start and step can only be used with integer values"));
    }
    let items = py::iterate(end)?;
    if items.is_empty() {
        return Err(TemplateError::value_error("Cannot choose from an empty sequence"));
    }
    let index = random.below(items.len() as u64) as usize;
    if let Kind::Dict(dict) = py::kind(end) {
        // Python picks by number, which few dicts have as keys.
        let found = dict.get(&Mj::from(index))?;
        return found.ok_or_else(|| {
            TemplateError::value_error(index.to_string()).hint("pick from its keys: `d | list | random`")
        });
    }
    Ok(items[index].clone())
}
