//! The text in a vault envelope; other text as it is.

use crate::filters::vaults::secrets;
use crate::protomatter::Envelope;
use crate::py::Object;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The text in a vault envelope; other text as it is.
pub static FILTER: Filter = Filter {
    name: "unvault",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["secret", "vault_id", "vaultid"],
    accepts_undefined: true,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    // A `!vault` value that the run's own secrets do not open is the envelope here.
    let sealed = call.input().downcast_object_ref::<py::Marker>().and_then(|marker| marker.error().envelope().cloned());
    if sealed.is_none() {
        py::trip(call.input())?;
    }
    for value in ["secret", "vault_id", "vaultid"].into_iter().filter_map(|name| call.opt(name)) {
        py::trip(value)?;
    }
    let shown = sealed.map_or_else(|| call.input().clone(), py::text);
    let shown = if Object::downcast::<Envelope>(&shown).is_some() { py::text(py::str(&shown)) } else { shown };
    let Some(text) = shown.as_str() else {
        let name = py::type_name(&shown);
        return Err(TemplateError::type_error(format!(
            "Vault should be in the form of a string, instead we got {name}."
        )));
    };
    if !rplay_vault::is_vault(text) {
        return Ok(py::text(text));
    }
    let (secrets, _) = secrets(call)?;
    secrets.decrypt_text(text).map(py::text).map_err(|e| call.error("Unable to decrypt.").note(e.to_string()))
}
