//! The parts of a URL as a dict, or one of them.

use crate::filters::url::Url;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The parts of a URL as a dict, or one of them.
pub static FILTER: Filter = Filter {
    name: "urlsplit",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["query", "alias"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let Some(text) = call.input().as_str() else {
        let message = format!("'{}' object has no attribute 'decode'", py::type_name(call.input()));
        return Err(TemplateError::type_error(message));
    };
    let url = Url::parse(text).map_err(TemplateError::value_error)?;
    let optional = |part: Option<String>| part.map_or_else(py::none, py::text);
    let port = url.port().map_err(TemplateError::value_error)?;
    let parts = py::dict_of([
        ("fragment", py::text(url.fragment.clone())),
        ("hostname", optional(url.hostname())),
        ("netloc", py::text(url.netloc.clone())),
        ("password", optional(url.password())),
        ("path", py::text(url.path.clone())),
        ("port", port.map_or_else(py::none, |port| Mj::from(i64::from(port)))),
        ("query", py::text(url.query.clone())),
        ("scheme", py::text(url.scheme.clone())),
        ("username", optional(url.username())),
    ]);
    let query = call.text_or("query", "")?;
    if query.is_empty() {
        return Ok(parts);
    }
    if !py::contains(&parts, &Mj::from(&*query))? {
        return Err(TemplateError::value_error(format!("urlsplit: unknown URL component: {query}")));
    }
    Ok(py::get_item(&parts, &Mj::from(&*query)))
}
