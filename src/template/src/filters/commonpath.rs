//! The longest path that all paths of a list start with.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The longest path that all paths of a list start with.
pub static FILTER: Filter = Filter {
    name: "commonpath",
    collection: "ansible.builtin",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let input = call.input();
    if input.as_str().is_some() || !py::is_sequence(input) || py::is_mapping(input) {
        let message = format!("|commonpath expects sequence, got {} instead.", py::type_name(input));
        return Err(TemplateError::type_error(message));
    }
    let paths: Vec<String> = py::iterate(input)?.iter().map(py::str).collect();
    let Some(first) = paths.first() else {
        return Err(TemplateError::value_error("commonpath() arg is an empty sequence"));
    };
    let is_absolute = first.starts_with('/');
    if paths.iter().any(|path| path.starts_with('/') != is_absolute) {
        return Err(TemplateError::value_error("Can't mix absolute and relative paths"));
    }
    let parts =
        |path: &str| path.split('/').filter(|part| !matches!(*part, "" | ".")).map(str::to_owned).collect::<Vec<_>>();
    let mut common = parts(first);
    for path in &paths[1..] {
        let other = parts(path);
        let same = common.iter().zip(&other).take_while(|(a, b)| a == b).count();
        common.truncate(same);
    }
    Ok(py::text(format!("{}{}", if is_absolute { "/" } else { "" }, common.join("/"))))
}
