//! The value as it is: ansible-core hides some of its own types in templates, of which there are none here. The names of
//! the types are checked. One of ansible-core's own internals, there for playbooks that test templating.

use crate::py::Kind;
use crate::{Filter, FilterCall, TemplateError, protomatter, py};
use minijinja::Value as Mj;

/// The value as it is.
pub static FILTER: Filter = Filter {
    name: "unmask",
    collection: protomatter::COLLECTION,
    aliases: &[],
    params: &["type_names"],
    accepts_undefined: false,
    run,
};

/// The types that ansible-core 2.19 hides.
const HIDDEN: [&str; 7] = [
    "CapturedErrorSummary",
    "DeprecationSummary",
    "EncryptedString",
    "ErrorSummary",
    "PluginInfo",
    "PluginType",
    "WarningSummary",
];

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let wanted = call.arg("type_names")?;
    let names = match py::kind(wanted) {
        Kind::Str(name) => vec![name.to_owned()],
        Kind::List(list) => list.items().iter().map(py::str).collect(),
        _ => {
            let kind = py::type_name(wanted);
            let message = format!("The 'type_names' argument must be of type 'str' or 'list', not '{kind}'.");
            return Err(TemplateError::type_error(message));
        }
    };
    let unknown: Vec<&str> = names.iter().map(String::as_str).filter(|name| !HIDDEN.contains(name)).collect();
    if !unknown.is_empty() {
        return Err(call.error(format!("Unknown type name(s): {}", unknown.join(", "))));
    }
    Ok(protomatter::untag(call.input()).0)
}
