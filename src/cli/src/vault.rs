//! The run's vault passwords: where the settings and the command line say they are.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rplay_diag::{Diagnose as _, Diagnostic};
use rplay_event::Notice;
use rplay_vault::{Asking, DEFAULT_ID, Place, SecretSource, Secrets, VaultError};

use crate::failure::Failure;
use crate::options::VaultOptions;
use crate::prompter::Terminal;
use crate::settings::{Settings, expand};

/// Collects passwords as ansible-core does: configured identities, `--vault-id`, password files (the configured one
/// last), then the question. A source without a password is a warning as long as another one has one.
pub(crate) fn secrets(options: &VaultOptions, settings: &Settings) -> Result<Secrets, Failure> {
    let mut ids = settings.list("DEFAULT_VAULT_IDENTITY_LIST");
    ids.extend(options.vault_id.iter().cloned());
    let ask = options.ask_vault_pass || settings.flag("DEFAULT_ASK_VAULT_PASS");
    read(&ids, &options.vault_password_file, ask, Asking::Known, settings)
}

/// Collects passwords from `ids` (as `--vault-id` takes them), `files` and the configured file, and a question.
pub(crate) fn read(
    ids: &[String],
    files: &[PathBuf],
    ask: bool,
    asking: Asking,
    settings: &Settings,
) -> Result<Secrets, Failure> {
    let label = settings.text("DEFAULT_VAULT_IDENTITY").unwrap_or_else(|| DEFAULT_ID.to_owned());
    let file = |path: &Path| SecretSource { id: Some(label.clone()), place: Place::File(path.to_owned()) };
    let mut wanted: Vec<SecretSource> = ids.iter().map(|text| SecretSource::parse(text)).collect();
    wanted.extend(files.iter().map(|path| file(path)));
    wanted.extend(settings.path("DEFAULT_VAULT_PASSWORD_FILE").map(|path| file(&path)));
    if ask {
        wanted.push(SecretSource { id: Some(label.clone()), place: Place::AskPass });
    }
    let mut secrets = empty(settings);
    let mut last = None;
    for mut source in wanted {
        let asked = match &mut source.place {
            Place::File(path) => {
                // Relative paths are the user's, links stay: a script may look for its configuration beside it.
                *path = std::path::absolute(expand(&path.display().to_string())).unwrap_or_else(|_| path.clone());
                false
            }
            Place::Prompt | Place::AskPass => true,
        };
        let read = source.read(&mut secrets, &label, asking, &mut |text| Terminal::password(text).map(Into::into));
        if let Err(error) = read {
            warn(&format!("Error {} ({}): {error}", stage(&error, asked), source.id.as_deref().unwrap_or("None")));
            if asked {
                return Err(Failure::error(error.diagnostic()));
            }
            last = Some(error);
        }
    }
    match last {
        Some(error) if secrets.is_empty() => Err(Failure::error(error.diagnostic())),
        _ => Ok(secrets),
    }
}

/// No passwords, with what the settings say about using them.
fn empty(settings: &Settings) -> Secrets {
    let mut secrets = Secrets::new();
    secrets.match_ids(settings.flag("DEFAULT_VAULT_ID_MATCH"));
    if let Some(id) = settings.text("DEFAULT_VAULT_IDENTITY") {
        secrets.default_id(&id);
    }
    secrets.salt(settings.text("VAULT_ENCRYPT_SALT").as_deref().map(str::as_bytes));
    secrets
}

fn stage(error: &VaultError, asked: bool) -> &'static str {
    match error {
        _ if asked => "in vault password prompt",
        VaultError::NoPasswordFile { .. } | VaultError::PasswordFolder { .. } => "getting vault password file",
        _ => "in vault password file loading",
    }
}

/// A warning on standard error, before there is a run with sinks.
pub(crate) fn warn(text: &str) {
    let notice = Notice::of(&Diagnostic::warning(text), &rplay_diag::Sources::new());
    // Nowhere is left to complain about a broken standard error.
    let _ = write!(io::stderr().lock(), "[WARNING]: {}", rplay_output::notice_text(&notice));
}
