//! Environment variables of the controller; `default` stands for those not set.

use crate::{Lookup, LookupCall, TemplateError, globals, py};
use minijinja::Value as Mj;

/// Environment variables of the controller; `default` stands for those not set.
pub static LOOKUP: Lookup = Lookup { name: "env", collection: "ansible.builtin", accepts_undefined: true, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    let mut out = Vec::new();
    for term in call.terms() {
        py::trip(term)?;
        let term = py::str(term);
        let Some(name) = term.split_whitespace().next() else {
            return Err(call.error("env: the name of an environment variable is missing"));
        };
        out.push(match std::env::var(name) {
            Ok(value) => py::text(value),
            Err(_) => match call.opt("default") {
                None => py::text(""),
                Some(default) if is_undef(default) => {
                    py::marker(TemplateError::undefined(format!("The environment variable '{name}' is not set.")))
                }
                Some(default) => default.clone(),
            },
        });
    }
    Ok(out)
}

/// Whether a default is what `undef()` gives without a hint of its own.
fn is_undef(default: &Mj) -> bool {
    default
        .downcast_object_ref::<py::Marker>()
        .is_some_and(|marker| marker.error().message() == globals::NOT_OVERRIDDEN)
}
