//! Text quoted for a URL's path; a dict or a list of pairs as a query string.

use crate::filters::lines::url_quote;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Text quoted for a URL's path; a dict or a list of pairs as a query string.
pub static FILTER: Filter = Filter {
    name: "urlencode",
    collection: "ansible.builtin",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let input = call.input();
    if input.as_str().is_some() || !py::is_iterable(input) {
        return Ok(py::text(url_quote(&py::str(input), "/")));
    }
    let query = |value: &Mj| url_quote(&py::str(value), "").replace("%20", "+");
    let mut parts = Vec::new();
    for item in py::iterate(input)? {
        let (key, value) = if py::is_mapping(input) {
            let value = py::get_item(input, &item);
            (item, value)
        } else {
            let mut pair = py::iterate(&item)?;
            match (pair.pop(), pair.pop(), pair.pop()) {
                (Some(value), Some(key), None) => (key, value),
                _ => return Err(TemplateError::value_error("not enough values to unpack (expected 2)")),
            }
        };
        py::trip(&value)?;
        parts.push(format!("{}={}", query(&key), query(&value)));
    }
    Ok(py::text(parts.join("&")))
}
