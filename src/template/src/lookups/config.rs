//! Settings of rplay by Ansible's names: `lookup('config', 'DEFAULT_FORKS')`.

use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;

/// Settings of rplay by Ansible's names: `lookup('config', 'DEFAULT_FORKS')`.
pub static LOOKUP: Lookup = Lookup { name: "config", collection: "ansible.builtin", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    for option in ["plugin_type", "plugin_name"] {
        if call.opt(option).is_some_and(|value| !value.is_none()) {
            let error = call
                .error(format!("the config lookup has no option '{option}': settings of plugins are not kept by name"));
            return Err(error.hint("give such options to the plugin itself"));
        }
    }
    let missing = call.text_or("on_missing", "error")?;
    let with_origin = call.bool("show_origin", false)?;
    let mut out = Vec::new();
    for term in call.terms() {
        py::trip(term)?;
        let Some(name) = term.as_str() else {
            let (shown, kind) = (py::repr(term), py::type_name(term));
            return Err(call.error(format!("Invalid setting identifier, {shown} is not a string, its a {kind}.")));
        };
        match call.engine().setting(name) {
            Some((value, origin)) if with_origin => {
                out.push(py::list(vec![py::from_value(value), py::text(origin)]));
            }
            Some((value, _)) => out.push(py::from_value(value)),
            None => match &*missing {
                "error" => return Err(call.error(format!("No config definition exists for '{name}'."))),
                "warn" | "skip" => tracing::warn!("the config lookup skips {name}: there is no such setting"),
                other => {
                    let message =
                        format!("Invalid value '{other}' for config 'on_missing' for 'config' lookup plugin.");
                    return Err(call.error(message).hint("it is `error`, `warn` or `skip`"));
                }
            },
        }
    }
    Ok(out)
}
