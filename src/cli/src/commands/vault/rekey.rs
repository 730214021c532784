//! `rplay vault rekey`: the same content under another password.

use rplay_vault::{Asking, Permissions};

use super::session::{self, Session};
use crate::failure::Failure;

pub(super) fn run(options: &super::Rekey, session: &Session<'_>) -> Result<(), Failure> {
    let secrets = session.known()?;
    let wanted = session.encrypt_id(&options.id);
    // With an id to encrypt under, the configured identities are the ones to choose from.
    let mut ids = if wanted.is_some() { session.settings.list("DEFAULT_VAULT_IDENTITY_LIST") } else { Vec::new() };
    ids.extend(options.new_vault_id.clone());
    let files: Vec<_> = options.new_vault_password_file.iter().cloned().collect();
    let new = session.read(&ids, &files, Asking::New)?;
    let key = new.key(wanted.as_deref()).map_err(|error| session::failed(&error))?;
    for file in &options.files {
        let file = &session::real(file);
        let envelope = session::read_data(file)?;
        let opened = session::decrypt(&secrets, &envelope, file)?;
        let envelope =
            new.encrypt_with(&*opened.plain, &key.password, &key.id).map_err(|error| session::failed(&error))?;
        rplay_vault::write_file(file, envelope.as_bytes(), Permissions::Kept, false)
            .map_err(|error| session::failed(&error))?;
    }
    session::say("Rekey successful");
    Ok(())
}
