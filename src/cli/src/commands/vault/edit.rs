//! `rplay vault edit`: decrypted for an editor, encrypted again when that ends.

use std::path::Path;

use rplay_vault::{Password, Permissions, Secrets};
use zeroize::Zeroizing;

use super::private::{self, Private};
use super::session::{self, Session};
use crate::failure::Failure;

pub(super) fn run(options: &super::Edit, session: &Session<'_>) -> Result<(), Failure> {
    let secrets = session.known()?;
    for file in &options.files {
        let file = session::real(file);
        let envelope = session::read_data(&file)?;
        let opened = session::decrypt(&secrets, &envelope, &file)?;
        // The id of the header stays, whichever password fitted.
        let key = (&opened.password, &*opened.named);
        if let Some(changed) = edited(&file, Some(&opened.plain), session)? {
            save(&file, &changed, &secrets, key)?;
        }
    }
    Ok(())
}

/// What the user makes of a text in an editor; `None` when it is what it was.
pub(super) fn edited(
    file: &Path,
    before: Option<&[u8]>,
    session: &Session<'_>,
) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    let folder = Private::open()?;
    // Editors go by the ending of a name.
    let name = file.file_name().map_or_else(|| "vault".to_owned(), |name| name.to_string_lossy().into_owned());
    let copy = folder.file(&name);
    rplay_vault::create_private(&copy, before.unwrap_or_default())
        .map_err(|error| session::trouble(format!("cannot write {}: {error}", copy.display())))?;
    let editor = session.settings.text("EDITOR").unwrap_or_else(|| "vi".to_owned());
    private::edit(&editor, &copy)?;
    let after = session::read_data(&copy)?;
    Ok((before != Some(&**after)).then_some(after))
}

/// Encrypts and replaces the file.
pub(super) fn save(file: &Path, plain: &[u8], secrets: &Secrets, key: (&Password, &str)) -> Result<(), Failure> {
    let envelope = secrets.encrypt_with(plain, key.0, key.1).map_err(|error| session::failed(&error))?;
    rplay_vault::write_file(file, envelope.as_bytes(), Permissions::Kept, false)
        .map_err(|error| session::failed(&error))
}
