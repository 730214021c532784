//! The run's vault secrets, and files read through them.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rplay_diag::Diagnostic;
use rplay_vault::{SecretSource, Secrets, is_vault};

use crate::failure::Failure;
use crate::options::PlaybookOptions;
use crate::prompter::Terminal;
use crate::settings::Settings;

/// Collects the secrets in Ansible's order: configured identities, `--vault-id`, password files, prompts.
pub(crate) fn secrets(options: &PlaybookOptions, settings: &Settings) -> Result<Arc<Secrets>, Failure> {
    let mut wanted: Vec<SecretSource> = Vec::new();
    wanted.extend(settings.list("DEFAULT_VAULT_IDENTITY_LIST").iter().map(|text| SecretSource::parse(text)));
    wanted.extend(options.vault_id.iter().map(|text| SecretSource::parse(text)));
    wanted.extend(options.vault_password_file.iter().map(SecretSource::file));
    if options.vault_password_file.is_empty() {
        wanted.extend(settings.path("DEFAULT_VAULT_PASSWORD_FILE").map(SecretSource::file));
    }
    let asked = options.ask_vault_pass || settings.flag("DEFAULT_ASK_VAULT_PASS");
    if asked && options.vault_id.is_empty() && options.vault_password_file.is_empty() {
        wanted.push(SecretSource::prompt(rplay_vault::DEFAULT_ID));
    }
    let mut secrets = Secrets::new();
    secrets.match_ids(settings.flag("DEFAULT_VAULT_ID_MATCH"));
    for source in wanted {
        source
            .read(&mut secrets, &mut |text| Terminal::password(text).map(Into::into))
            .map_err(|error| Failure::error(rplay_diag::Diagnose::diagnostic(&error)))?;
    }
    Ok(Arc::new(secrets))
}

/// Files of the controller, decrypted when they are vaulted.
#[derive(Clone)]
pub(crate) struct Files(pub(crate) Arc<Secrets>);

impl Files {
    fn bytes(&self, path: &Path) -> io::Result<Vec<u8>> {
        let bytes = fs_err::read(path)?;
        if !is_vault(&bytes) {
            return Ok(bytes);
        }
        let plain = self.0.decrypt(&bytes).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{}: {}", path.display(), with_hints(&error)))
        })?;
        Ok(plain.plain.to_vec())
    }

    /// The text of a file.
    pub(crate) fn text(&self, path: &Path) -> io::Result<String> {
        String::from_utf8(self.bytes(path)?)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("{} is not UTF-8 text", path.display())))
    }
}

/// An error's message with what would help, for places that show one line.
fn with_hints(error: &rplay_vault::VaultError) -> String {
    let Diagnostic { message, hints, .. } = rplay_diag::Diagnose::diagnostic(error);
    if hints.is_empty() { message } else { format!("{message} ({})", hints.join("; ")) }
}

impl rplay_template::Files for Files {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.bytes(path)
    }
}

impl rplay_inventory::Files for Files {
    fn read(&self, path: &Path) -> io::Result<String> {
        self.text(path)
    }
}

impl rplay_template::Vault for Files {
    fn open(&self, envelope: &str) -> Result<String, String> {
        self.0.decrypt_text(envelope).map_err(|error| with_hints(&error))
    }
}
