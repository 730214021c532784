//! The numbers of a list of ranges such as `1,10-12`, sorted.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The numbers of a list of ranges such as `1,10-12`, sorted.
pub static FILTER: Filter = Filter {
    name: "vlan_expander",
    collection: "ansible.netcommon",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let text = py::str(call.input());
    let number = |text: &str| {
        text.trim().parse::<i64>().map_err(|_| {
            TemplateError::value_error(format!("invalid literal for int() with base 10: {}", py::repr(&py::text(text))))
        })
    };
    let mut numbers = Vec::new();
    for part in text.split(',') {
        match part.split_once('-') {
            Some((first, last)) => numbers.extend(number(first)?..=number(last)?.min(number(first)? + 1_000_000)),
            None => numbers.push(number(part)?),
        }
    }
    numbers.sort_unstable();
    Ok(py::list(numbers.into_iter().map(Mj::from).collect()))
}
