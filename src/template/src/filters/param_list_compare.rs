//! What of a list of wanted names (`all`, `!name`) a list of known ones has, and what it lacks.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// What of a list of wanted names (`all`, `!name`) a list of known ones has, and what it lacks.
pub static FILTER: Filter = Filter {
    name: "param_list_compare",
    collection: "ansible.utils",
    aliases: &[],
    params: &["target"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let texts =
        |value: &Mj| -> Result<Vec<String>, TemplateError> { Ok(py::iterate(value)?.iter().map(py::str).collect()) };
    let (base, target) = (texts(call.input())?, texts(call.arg("target")?)?);
    let named = |name: &&String| *name != "all" && !name.starts_with('!');
    let (wanted, unsupported): (Vec<&String>, Vec<&String>) =
        target.iter().filter(named).partition(|name| base.contains(name));
    let mut actionable: Vec<&String> =
        if target.iter().any(|name| name == "all") { base.iter().collect() } else { Vec::new() };
    actionable.retain(|name| !target.iter().any(|other| other.strip_prefix('!') == Some(name.as_str())));
    for name in wanted {
        if !actionable.contains(&name) {
            actionable.push(name);
        }
    }
    actionable.sort();
    let list = |names: Vec<&String>| py::list(names.into_iter().map(|name| py::text(name.as_str())).collect());
    Ok(py::dict_of([("actionable", list(actionable)), ("unsupported", list(unsupported))]))
}
