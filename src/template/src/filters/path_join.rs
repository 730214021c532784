//! A list of path parts joined; an absolute part starts over.

use crate::filters::ospath;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A list of path parts joined; an absolute part starts over.
pub static FILTER: Filter = Filter {
    name: "path_join",
    collection: "ansible.builtin",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let input = call.input();
    if let Some(path) = input.as_str() {
        return Ok(py::text(path));
    }
    if !py::is_sequence(input) || py::is_mapping(input) {
        let message = format!("|path_join expects string or sequence, got {} instead.", py::type_name(input));
        return Err(TemplateError::type_error(message));
    }
    let mut joined: Option<String> = None;
    for part in py::iterate(input)? {
        py::trip(&part)?;
        let Some(part) = part.as_str() else {
            let message =
                format!("join() argument must be str, bytes, or os.PathLike object, not '{}'", py::type_name(&part));
            return Err(TemplateError::type_error(message));
        };
        joined = Some(joined.map_or_else(|| part.to_owned(), |head| ospath::join(&head, part)));
    }
    joined.map(py::text).ok_or_else(|| TemplateError::type_error("join() missing 1 required positional argument: 'a'"))
}
