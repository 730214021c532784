//! Lists side by side, as long as the shortest.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Lists side by side, as long as the shortest.
pub static FILTER: Filter = Filter {
    name: "zip",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["*", "strict"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let mut lists = Vec::new();
    for list in std::iter::once(call.input()).chain(call.rest()) {
        lists.push(py::iterate(list)?);
    }
    let length = lists.iter().map(Vec::len).min().unwrap_or(0);
    if call.bool("strict", false)?
        && let Some(at) = lists.iter().position(|list| list.len() != lists[0].len())
    {
        let word = if lists[at].len() < lists[0].len() { "shorter" } else { "longer" };
        let others = if at == 1 { "argument 1".to_owned() } else { format!("arguments 1-{at}") };
        return Err(TemplateError::value_error(format!("zip() argument {} is {word} than {others}", at + 1)));
    }
    let row = |at: usize| py::tuple(lists.iter().map(|list| list[at].clone()).collect());
    Ok(py::list((0..length).map(row).collect()))
}
