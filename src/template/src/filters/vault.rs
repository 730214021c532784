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
    for option in ["salt", "vaultid"] {
        if call.opt(option).is_some_and(|value| !value.is_none()) {
            return Err(call
                .error(format!("vault: `{option}` is not supported"))
                .hint("salts are always random; use `vault_id`"));
        }
    }
    let (secrets, id) = secrets(call)?;
    // The default id is what an envelope without one stands for.
    let id = (id != "filter_default").then_some(id);
    let error = |e: rplay_vault::VaultError| call.error("Unable to encrypt.").note(e.to_string());
    secrets.encrypt(text, Some(id.as_deref().unwrap_or("filter_default"))).map(py::text).map_err(error)
}
