//! What the `vault` and `unvault` filters share.

use rplay_vault::{Password, Secrets};

use crate::{FilterCall, TemplateError, py};

/// The secret of a call under its vault id.
pub(crate) fn secrets(call: &FilterCall<'_>) -> Result<(Secrets, String), TemplateError> {
    let secret = call.arg("secret")?;
    let Some(secret) = secret.as_str() else {
        let name = py::type_name(secret);
        return Err(TemplateError::type_error(format!(
            "Secret passed is required to be a string, instead we got {name}."
        )));
    };
    // `vaultid` is the undocumented older name.
    let older = call.opt("vaultid").filter(|id| !id.is_none());
    let older = older.map_or(Ok("filter_default".into()), |_| call.text_or("vaultid", ""))?;
    let id = call.text_or("vault_id", &older)?.to_string();
    let mut secrets = Secrets::new();
    let password = Password::new(secret.as_bytes().to_vec()).map_err(|e| call.error(e.to_string()))?;
    secrets.add(&id, password);
    Ok((secrets, id))
}
