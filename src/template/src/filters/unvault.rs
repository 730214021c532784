//! The text in a vault envelope; other text as it is.

use crate::filters::vaults::secrets;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The text in a vault envelope; other text as it is.
pub static FILTER: Filter = Filter {
    name: "unvault",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["secret", "vault_id", "vaultid"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let Some(text) = call.input().as_str() else {
        let name = py::type_name(call.input());
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
