//! Names of the variables that regular expressions match.

use crate::pyregex::{self, Flags};
use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;

/// Names of the variables that regular expressions match.
pub static LOOKUP: Lookup = Lookup { name: "varnames", collection: "ansible.builtin", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    let names = call.scope().names();
    let mut out = Vec::new();
    for term in call.terms() {
        py::trip(term)?;
        let Some(pattern) = term.as_str() else {
            let message = format!(
                "Invalid setting identifier, \"{}\" is not a string, it is a {}",
                py::str(term),
                py::type_name(term)
            );
            return Err(call.error(message));
        };
        let compiled = pyregex::compile(pattern, Flags::default())
            .map_err(|e| call.error(format!("Unable to use \"{pattern}\" as a search parameter: {e}")))?;
        for name in &names {
            if compiled.is_found(name)? {
                out.push(py::text(name.as_str()));
            }
        }
    }
    Ok(out)
}
