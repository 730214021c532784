//! What can go wrong with encrypted texts.

use std::io;
use std::path::PathBuf;

use rplay_diag::{Diagnose, Diagnostic, quoted_list};

/// A vault that could not be opened, made or given its password.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// It does not start with the header.
    #[error("Input is not vault encrypted data.")]
    NotVault,
    /// It starts with the header.
    #[error("input is already encrypted")]
    AlreadyEncrypted,
    /// Damaged.
    #[error("vault format error: {0}")]
    Format(&'static str),
    /// Made by something newer, or very old.
    #[error("vault format version `{0}` is not supported")]
    Version(String),
    /// Made by a very old Ansible.
    #[error("vault cipher `{0}` is not supported")]
    Cipher(String),
    /// No passwords were given at all.
    #[error("Attempting to decrypt but no vault secrets found.")]
    NoSecrets {
        /// The vault id the text names.
        id: Option<String>,
    },
    /// No password fits.
    #[error("Decryption failed (no vault secrets were found that could decrypt).")]
    NoMatch {
        /// The vault id the text names.
        id: Option<String>,
        /// The vault ids there are passwords for.
        tried: Vec<String>,
    },
    /// Encrypting under an id without a password.
    #[error("Did not find a match for --encrypt-vault-id={id} in the known vault-ids {}", python_list(known))]
    UnknownId {
        /// The id.
        id: String,
        /// The ids there are passwords for.
        known: Vec<String>,
    },
    /// The plain text is not UTF-8 where text is wanted.
    #[error("the decrypted data is not UTF-8 text")]
    NotText,
    /// An empty password.
    #[error("Invalid vault password was provided")]
    EmptyPassword,
    /// A password file or script without a password.
    #[error("Invalid vault password was provided from {kind} ({})", path.display())]
    EmptyPasswordFile {
        /// `file` or `script`.
        kind: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A new password that was not typed the same twice.
    #[error("Passwords do not match")]
    Confirmation,
    /// A password file that is not there.
    #[error("The vault password file {} was not found", path.display())]
    NoPasswordFile {
        /// The file.
        path: PathBuf,
    },
    /// A password file that is a folder.
    #[error("The vault password file provided '{}' can not be a directory", path.display())]
    PasswordFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A password file that is not readable.
    #[error("Could not read vault password file '{}'.", path.display())]
    PasswordFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A script that cannot be run.
    #[error("Problem running vault password script {} ({source}).", path.display())]
    ScriptStart {
        /// The script.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A script that failed.
    #[error("Vault password {} {} returned non-zero ({status}){}{}{said}", if id.is_some() { "client script" } else { "script" },
        path.display(), id.as_ref().map(|id| format!(" when getting secret for vault-id={id}")).unwrap_or_default(),
        if said.is_empty() { "" } else { ": " })]
    Script {
        /// The script.
        path: PathBuf,
        /// The vault id a client script was asked for.
        id: Option<String>,
        /// Its exit code, or the signal that ended it.
        status: String,
        /// Its standard error, when that was not the terminal's.
        said: String,
    },
    /// A client script that has no password for the vault id.
    #[error("Vault password client script {} did not find a secret for vault-id={id}: {said}", path.display())]
    ScriptUnknownId {
        /// The script.
        path: PathBuf,
        /// The vault id.
        id: String,
        /// Its standard error.
        said: String,
    },
    /// The user could not be asked.
    #[error("no vault password was typed for vault-id {id}")]
    Prompt {
        /// The vault id.
        id: String,
        /// Why.
        source: io::Error,
    },
    /// The system gives no random bytes.
    #[error("no random bytes for a salt")]
    Random(#[source] io::Error),
    /// A file that cannot be read or replaced.
    #[error("{} ({}): {source}", if *action == "read" { "Unable to read source file" } else { "Unable to write file" }, path.display())]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Names as Python writes a list of them.
fn python_list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    format!("[{}]", quoted.join(", "))
}

impl Diagnose for VaultError {
    fn diagnostic(&self) -> Diagnostic {
        let mut found = Diagnostic::error(self.to_string());
        // These messages hold their cause already.
        let told = matches!(self, Self::ScriptStart { .. } | Self::File { .. });
        if let Some(cause) = std::error::Error::source(self).filter(|_| !told) {
            found = found.note(cause.to_string());
        }
        match self {
            Self::NoSecrets { id } => {
                let label = id.as_deref().map_or_else(String::new, |id| format!(" (it names vault id `{id}`)"));
                found.hint(format!(
                    "give its password with --vault-password-file, --vault-id or --ask-vault-pass{label}"
                ))
            }
            Self::NoMatch { id, tried } => {
                let tried = quoted_list(tried.iter().map(String::as_str));
                found.note(format!("tried the passwords of {tried}")).hint_maybe(
                    id.as_ref().map(|id| format!("it was encrypted with vault id `{id}`: --vault-id {id}@FILE")),
                )
            }
            Self::ScriptStart { .. } => found.hint("if this is not a script, remove the executable bit from the file"),
            Self::Cipher(_) | Self::Version(_) => found.hint("rekey it with `ansible-vault rekey` of Ansible 2.9"),
            _ => found,
        }
    }
}
