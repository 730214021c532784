//! `ansible._protomatter.config`: the setting `DISPLAY_TRACEBACK` as the list of what shows a traceback, which is
//! nothing here. One of ansible-core's own internals, there for playbooks that test templating.

use crate::{Lookup, LookupCall, TemplateError, protomatter, py};
use minijinja::Value as Mj;

/// The setting `DISPLAY_TRACEBACK` as the list of what shows a traceback.
pub static LOOKUP: Lookup =
    Lookup { name: "config", collection: protomatter::COLLECTION, accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    let Some(name) = call.terms().first().filter(|name| name.as_str() != Some("")) else {
        return Err(TemplateError::value_error("config name is required"));
    };
    match name.as_str() {
        // There is no Python whose traceback could be shown.
        Some("DISPLAY_TRACEBACK") => Ok(Vec::new()),
        _ => Err(TemplateError::value_error(format!("Unknown config name {}.", py::repr(name)))),
    }
}
