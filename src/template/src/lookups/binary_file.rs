//! Contents of files on the controller, any bytes, as Base64.

use crate::lookups::terms;
use crate::{Lookup, LookupCall, TemplateError, py};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::Value as Mj;

/// Contents of files on the controller, any bytes, as Base64.
pub static LOOKUP: Lookup =
    Lookup { name: "binary_file", collection: "community.general", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    let missing = call.text_or("not_exist", "error")?;
    if !matches!(&*missing, "error" | "empty" | "empty_str") {
        let message = format!(
            "Invalid value '{missing}' for config 'not_exist' for 'ansible_collections.community.general.plugins.lookup.binary_file' lookup plugin."
        );
        return Err(call.error(message).hint("it is `error`, `empty` or `empty_str`"));
    }
    let mut out = Vec::new();
    for term in call.terms() {
        let name = terms::text(term)?;
        let Some(path) = call.scope().find_file("files", &name) else {
            match &*missing {
                "empty" => out.push(py::text("")),
                "empty_str" => out.push(py::text("empty")),
                _ => {
                    let message = "Could not locate file in community.general.binary_file lookup";
                    return Err(call.error(format!("{message}: {name}")));
                }
            }
            continue;
        };
        let bytes = call.engine().files().read(&path);
        let bytes = bytes.map_err(|error| call.error(format!("Error while reading {}: {error}", path.display())))?;
        out.push(py::text(STANDARD.encode(bytes)));
    }
    Ok(out)
}
