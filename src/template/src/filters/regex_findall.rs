//! All matches of a regular expression; with groups, what they matched.

use crate::filters::regular;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// All matches of a regular expression; with groups, what they matched.
pub static FILTER: Filter = Filter {
    name: "regex_findall",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["regex", "multiline", "ignorecase"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    call.arg("regex")?;
    let pattern = regular::pattern(call, "regex")?;
    let text = py::str(call.input());
    let groups = pattern.groups();
    let group = |found: &crate::pyregex::Found, index| py::text(found.group(&text, index).unwrap_or_default());
    let row = |found: &crate::pyregex::Found| match groups {
        0 => group(found, 0),
        1 => group(found, 1),
        _ => py::tuple((1..=groups).map(|index| group(found, index)).collect()),
    };
    Ok(py::list(pattern.find_all(&text, usize::MAX)?.iter().map(row).collect()))
}
