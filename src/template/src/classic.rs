//! Results and conditions as releases before 2.19 had them: every template is text, and text that looks like a list, a
//! mapping or a boolean is read as one.

use minijinja::Value as Mj;
use rplay_value::Profile;

use crate::syntax::{Expr, Node};
use crate::{TemplateError, omit, py};

/// Filters whose text is never read as a literal (`string_type_filters`).
const TEXT_FILTERS: [&str; 7] = ["string", "to_json", "to_nice_json", "to_yaml", "to_nice_yaml", "ppretty", "json"];

/// Whether an expression's result stays text: its last filter makes text.
pub(crate) fn stays_text(expr: &Expr) -> bool {
    let Node::Filter(name, ..) = &expr.node else { return false };
    crate::find_filter(name).is_some_and(|filter| TEXT_FILTERS.contains(&filter.name))
}

/// What a template's nodes amount to: their text, `None` being nothing, read as a literal where it looks like one.
pub(crate) fn join(nodes: &[Mj], profile: &Profile) -> Result<Mj, TemplateError> {
    if let [only] = nodes {
        return one(only, profile);
    }
    read(text(nodes)?)
}

/// The text of a template's nodes.
pub(crate) fn text(nodes: &[Mj]) -> Result<String, TemplateError> {
    let mut out = String::new();
    for node in nodes.iter().filter(|node| !node.is_none() && !omit::is_omit(node)) {
        py::trip(node)?;
        py::str_into(node, &mut out);
    }
    Ok(out)
}

/// A template of one expression.
pub(crate) fn one(value: &Mj, profile: &Profile) -> Result<Mj, TemplateError> {
    py::trip(value)?;
    if omit::is_omit(value) || matches!(py::kind(value), py::Kind::Bool(_)) || is_plain(value) {
        return Ok(value.clone());
    }
    match py::kind(value) {
        py::Kind::None => Ok(Mj::from("")),
        // Text as it is keeps its trust.
        py::Kind::Str(text) if !looks_literal(text) => Ok(value.clone()),
        py::Kind::Str(text) => read(text.to_owned()),
        py::Kind::Object(_) if py::is_undefined(value) => Ok(Mj::from("")),
        py::Kind::List(_) | py::Kind::Dict(_) => {
            // What is undefined inside is an error, not text.
            py::to_value(value)?;
            let mut out = String::new();
            py::str_into(value, &mut out);
            read(out)
        }
        // Ranges, views and other iterables are unrolled.
        py::Kind::Object(object) if profile.unrolls && object.items().is_some() && !object.is_mapping() => {
            one(&py::list(py::iterate(value)?), profile)
        }
        _ => {
            let mut out = String::new();
            py::str_into(value, &mut out);
            read(out)
        }
    }
}

/// A value's text, as `one` of a template file or of a text around it.
pub(crate) fn shown(value: &Mj) -> Result<Mj, TemplateError> {
    if value.as_str().is_some() {
        return Ok(value.clone());
    }
    text(std::slice::from_ref(value)).map(Mj::from)
}

/// Whether a container would be the same after being written and read again.
fn is_plain(value: &Mj) -> bool {
    fn leaf(value: &Mj) -> bool {
        match py::kind(value) {
            py::Kind::None | py::Kind::Bool(_) | py::Kind::Int(_) | py::Kind::Big(_) | py::Kind::Str(_) => true,
            py::Kind::Float(float) => float.is_finite(),
            py::Kind::Tuple(items) => items.iter().all(leaf),
            _ => is_plain(value),
        }
    }
    match py::kind(value) {
        py::Kind::List(list) => list.plain().is_some() || list.items().iter().all(leaf),
        py::Kind::Dict(dict) => dict.plain().is_some() || dict.pairs().iter().all(|(_, value)| leaf(value)),
        _ => false,
    }
}

fn looks_literal(text: &str) -> bool {
    text.starts_with(['{', '[']) || matches!(text, "True" | "False")
}

fn read(text: String) -> Result<Mj, TemplateError> {
    if !looks_literal(&text) {
        return Ok(Mj::from(text));
    }
    match rplay_value::literal::with_json_names(&text) {
        Ok(value) => Ok(py::from_value(value)),
        Err(_) => Ok(Mj::from(text)),
    }
}
