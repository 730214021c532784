//! Text encrypted with a secret, as a vault envelope; with `wrap_object` as a value like those written with `!vault`.

use crate::filters::vaults::secrets;
use crate::protomatter::Envelope;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_value::Text;

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
    if let Some(salt) = call.opt("salt").filter(|salt| !salt.is_none()) {
        // As in ansible-core, a salt may be a number: its digits are.
        secrets.salt(Some(py::str(salt).as_bytes()));
    }
    let error = |e: rplay_vault::VaultError| call.error("Unable to encrypt.").note(e.to_string());
    let envelope = secrets.encrypt(text, Some(&id)).map_err(error)?;
    if call.bool("wrap_object", false)? {
        return Ok(py::Object::value(Envelope(Text::data(envelope))));
    }
    Ok(py::text(envelope))
}
