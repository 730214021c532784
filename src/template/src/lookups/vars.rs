//! Variables by name; `default` stands for those that are not there.

use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;

/// Variables by name; `default` stands for those that are not there.
pub static LOOKUP: Lookup = Lookup { name: "vars", collection: "ansible.builtin", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    let mut out = Vec::new();
    for term in call.terms() {
        py::trip(term)?;
        let Some(name) = term.as_str() else {
            let message = format!("Variable name must be 'str' not '{}'.", py::type_name(term));
            return Err(TemplateError::type_error(message));
        };
        let value = call.scope().get(name);
        let default = call.opt("default").filter(|default| !default.is_none());
        out.push(match (value, default) {
            (Some(value), _) => value,
            (None, Some(default)) => default.clone(),
            (None, None) => {
                let names = call.scope().names();
                let near = rplay_diag::nearest(name, names.iter().map(rplay_value::Text::as_str));
                let error = TemplateError::undefined(format!("No variable named '{name}' was found."));
                py::marker(match near {
                    Some(near) => error.hint(format!("there is a variable `{near}`")),
                    None => error,
                })
            }
        });
    }
    Ok(out)
}
