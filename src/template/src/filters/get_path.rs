//! The value at a path such as `a.b[0].c` inside the input.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_value::Path;

/// The value at a path such as `a.b[0].c` inside the input.
pub static FILTER: Filter = Filter {
    name: "get_path",
    collection: "ansible.utils",
    aliases: &[],
    params: &["path", "wantlist"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let text = py::str(call.arg("path")?);
    let path = Path::parse(&text).map_err(|e| TemplateError::value_error(e.to_string()))?;
    let value = py::to_value(call.input())?;
    let found = path.get(&value).cloned().map(py::from_value);
    let found = found.unwrap_or_else(|| py::marker(TemplateError::undefined(format!("there is nothing at '{text}'"))));
    Ok(if call.bool("wantlist", false)? { py::list(vec![found]) } else { found })
}
