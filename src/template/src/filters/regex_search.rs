//! The first match of a regular expression, or what the groups named by further arguments (`'\\1'`, `'\\g<n>'`) matched.

use crate::filters::regular;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The first match of a regular expression, or what the groups named by further arguments (`'\\1'`, `'\\g<n>'`) matched.
pub static FILTER: Filter = Filter {
    name: "regex_search",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["regex", "*", "ignorecase", "multiline"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    call.arg("regex")?;
    let pattern = regular::pattern(call, "regex")?;
    let text = py::str(call.input());
    let mut groups = Vec::new();
    for arg in call.rest() {
        let arg = py::str(arg);
        let name = match arg.strip_prefix("\\g") {
            Some(name) => name.strip_prefix('<').and_then(|name| name.strip_suffix('>')),
            None => arg.strip_prefix('\\').filter(|name| name.starts_with(|c: char| c.is_ascii_digit())),
        };
        let Some(name) = name else { return Err(call.error("Unknown argument")) };
        let digits: String = name.chars().take_while(char::is_ascii_digit).collect();
        let index = match digits.parse::<usize>() {
            Ok(index) => Some(index).filter(|index| *index <= pattern.groups()),
            Err(_) => pattern.group_index(name),
        };
        groups.push(index);
    }
    let Some(found) = pattern.search(&text)? else { return Ok(py::none()) };
    if groups.is_empty() {
        return Ok(py::text(found.group(&text, 0).unwrap_or_default()));
    }
    let mut out = Vec::new();
    for group in groups {
        let Some(group) = group else { return Err(TemplateError::value_error("no such group")) };
        out.push(found.group(&text, group).map_or_else(py::none, py::text));
    }
    Ok(py::list(out))
}
