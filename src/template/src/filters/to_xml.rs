//! Nested dicts as XML, the way xmltodict writes it.

use crate::filters::from_xml::{known_engine, prefix};
use crate::xml;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Nested dicts as XML, the way xmltodict writes it.
pub static FILTER: Filter = Filter {
    name: "to_xml",
    collection: "ansible.utils",
    aliases: &[],
    params: &["engine", "indent", "indent_width", "full_document"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    known_engine(call)?;
    let indent = match &*call.text_or("indent", "tabs")? {
        "tabs" => "\t".to_owned(),
        "spaces" => " ".repeat(usize::try_from(call.int("indent_width", 4)?).unwrap_or(0)),
        other => {
            let message = format!("value of indent must be one of: tabs, spaces, got: {other}");
            return Err(call.error(message));
        }
    };
    let full = call.bool("full_document", true)?;
    xml::write(call.input(), &indent, full)
        .map(py::text)
        .map_err(|error| call.error(format!("{}Input json is not valid", prefix(call))).note(error.message()))
}
