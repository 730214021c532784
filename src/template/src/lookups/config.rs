//! Settings of rplay by Ansible's names: `lookup('config', 'DEFAULT_FORKS')`.

use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;

/// Settings of rplay by Ansible's names: `lookup('config', 'DEFAULT_FORKS')`.
pub static LOOKUP: Lookup = Lookup { name: "config", collection: "ansible.builtin", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    let kind = call.text_or("plugin_type", "")?;
    let plugin = call.text_or("plugin_name", "")?;
    if kind.is_empty() != plugin.is_empty() {
        let message = "Both plugin_type and plugin_name are required, cannot use one without the other.";
        return Err(call.error(message));
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
        let found = if plugin.is_empty() {
            call.engine().setting(name).map(|(value, origin)| (py::from_value(value), origin))
        } else {
            of_plugin(call, &kind, &plugin, name)?
        };
        match found {
            Some((value, origin)) if with_origin => out.push(py::list(vec![value, py::text(origin)])),
            Some((value, _)) => out.push(value),
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

/// An option of a plugin, as it is for the host whose variables are in scope.
fn of_plugin(
    call: &LookupCall<'_>,
    kind: &str,
    plugin: &str,
    option: &str,
) -> Result<Option<(Mj, String)>, TemplateError> {
    if !call.engine().has_plugin_settings(kind, plugin) {
        return Err(call.error(format!("Unable to load {kind} plugin '{plugin}'.")));
    }
    let Some(setting) = call.engine().plugin_setting(kind, plugin, option) else { return Ok(None) };
    let set = setting.variables.iter().rev().find_map(|name| Some((call.scope().get(name)?, format!("var: {name}"))));
    let set = set.filter(|(value, _)| !value.is_none());
    Ok(Some(set.unwrap_or_else(|| (py::from_value(setting.value), setting.origin))))
}
