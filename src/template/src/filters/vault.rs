//! Text encrypted with a secret, as a vault envelope.

use crate::filters::vaults::secrets;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Text encrypted with a secret, as a vault envelope.
pub static FILTER: Filter = Filter {
    name: "vault",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["secret", "salt", "vault_id", "wrap_object", "vaultid"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let Some(text) = call.input().as_str() else {
        let name = py::type_name(call.input());
        return Err(TemplateError::type_error(format!("Can only vault strings, instead we got {name}.")));
    };
    let (mut secrets, id) = secrets(call)?;
    if call.opt("salt").is_some_and(|salt| !salt.is_none()) {
        secrets.salt(Some(call.text_or("salt", "")?.as_bytes()));
    }
    let error = |e: rplay_vault::VaultError| call.error("Unable to encrypt.").note(e.to_string());
    secrets.encrypt(text, Some(&id)).map(py::text).map_err(error)
}
