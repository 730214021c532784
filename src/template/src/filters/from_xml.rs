//! XML text as nested dicts, the way xmltodict reads it.

use crate::xml;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// XML text as nested dicts, the way xmltodict reads it.
pub static FILTER: Filter = Filter {
    name: "from_xml",
    collection: "ansible.utils",
    aliases: &[],
    params: &["engine"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    known_engine(call)?;
    let text = py::str(call.input());
    let (name, value) =
        xml::parse(&text).map_err(|error| call.error(format!("{}Input Xml is not valid", prefix(call))).note(error))?;
    py::dict([(py::text(name), value)])
}

/// Refuses libraries but xmltodict, which this does what it does.
pub(crate) fn known_engine(call: &FilterCall<'_>) -> Result<(), TemplateError> {
    match &*call.text_or("engine", "xmltodict")? {
        "xmltodict" => Ok(()),
        other => Err(call.error(format!("{}engine: {other} is not supported", prefix(call)))),
    }
}

/// How errors of this filter and its counterpart begin.
pub(crate) fn prefix(call: &FilterCall<'_>) -> String {
    format!("Error when using plugin '{}': ", call.name().rsplit('.').next().unwrap_or_default())
}
