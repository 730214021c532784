//! A dict as XML attributes; entries that are none or undefined are left out.

use crate::filters::lines::escape_html;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A dict as XML attributes; entries that are none or undefined are left out.
pub static FILTER: Filter = Filter {
    name: "xmlattr",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["autospace"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let dict = call.input();
    if !py::is_mapping(dict) {
        let message = format!("'{}' object has no attribute 'items'", py::type_name(dict));
        return Err(TemplateError::type_error(message));
    }
    let mut out = String::new();
    for key in py::iterate(dict)? {
        let value = py::get_item(dict, &key);
        if value.is_none() || py::is_undefined(&value) {
            continue;
        }
        let name = py::str(&key);
        if name.contains(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>' | '=')) {
            let message = format!("Invalid character in attribute name: {}", py::repr(&key));
            return Err(TemplateError::value_error(message));
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&format!("{}=\"{}\"", escape_html(&name), escape_html(&py::str(&value))));
    }
    if call.bool("autospace", true)? && !out.is_empty() {
        out.insert(0, ' ');
    }
    Ok(py::text(out))
}
