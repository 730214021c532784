//! What all vault actions share: settings, passwords, the messages around them, standard input and output.

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rplay_diag::{Diagnose as _, Diagnostic, Sources};
use rplay_vault::{Asking, Decrypted, Key, Permissions, Secrets, VaultError};
use zeroize::Zeroizing;

use super::{Common, EncryptId};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::{exit, vault};

/// One call of `rplay vault`.
pub(super) struct Session<'a> {
    pub(super) settings: Settings,
    common: &'a Common,
}

/// Runs an action with its settings; the value is the exit code.
pub(super) fn run(common: &Common, action: impl FnOnce(&Session<'_>) -> Result<(), Failure>) -> i32 {
    // What crashes here, or in an editor, must not leave its memory on a disk.
    let _ = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0);
    let sources = Sources::new();
    let ended = Settings::load(&sources, &|name| std::env::var(name).ok())
        .map_err(|error| Failure::error(error.diagnostic()))
        .and_then(|settings| {
            let session = Session { settings, common };
            session.check_ids()?;
            session.tell_config();
            action(&session)
        });
    match ended {
        Ok(()) => exit::OK,
        Err(failure) => {
            failure.report(&sources, io::stderr().is_terminal());
            failure.code
        }
    }
}

impl Session<'_> {
    fn check_ids(&self) -> Result<(), Failure> {
        match self.common.vault.vault_id.iter().find(|id| id.contains(';')) {
            None => Ok(()),
            Some(id) => {
                Err(options(format!("'{id}' is not a valid vault id. The character ';' is not allowed in vault ids")))
            }
        }
    }

    fn tell_config(&self) {
        let verbose = i64::from(self.common.verbose).max(self.settings.int("DEFAULT_VERBOSITY").unwrap_or(0));
        if verbose > 0 {
            let file = self.settings.file.as_deref().map(|path| std::path::absolute(path).unwrap_or(path.to_owned()));
            let text = file.map_or_else(
                || "No config file found; using defaults".to_owned(),
                |path| format!("Using {} as config file", path.display()),
            );
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// The passwords that open files.
    pub(super) fn known(&self) -> Result<Secrets, Failure> {
        self.collect(Asking::Known)
    }

    fn collect(&self, asking: Asking) -> Result<Secrets, Failure> {
        let given = &self.common.vault;
        let mut ids = self.settings.list("DEFAULT_VAULT_IDENTITY_LIST");
        ids.extend(given.vault_id.iter().cloned());
        self.read(&ids, &given.vault_password_file, asking)
    }

    /// Without any source the user is asked, as every action of ansible-vault does.
    pub(super) fn read(&self, ids: &[String], files: &[PathBuf], asking: Asking) -> Result<Secrets, Failure> {
        let nothing = ids.is_empty() && files.is_empty() && self.settings.path("DEFAULT_VAULT_PASSWORD_FILE").is_none();
        let ask = self.common.vault.ask_vault_pass || self.settings.flag("DEFAULT_ASK_VAULT_PASS") || nothing;
        vault::read(ids, files, ask, asking, &self.settings)
    }

    /// The password to encrypt with, and the passwords it is one of.
    pub(super) fn encrypting(&self, id: &EncryptId) -> Result<(Secrets, Key), Failure> {
        let secrets = self.collect(Asking::New)?;
        let wanted = self.encrypt_id(id);
        if secrets.len() > 1 && wanted.is_none() {
            return Err(options(format!(
                "The vault-ids {} are available to encrypt. Specify the vault-id to encrypt with --encrypt-vault-id",
                secrets.ids().collect::<Vec<_>>().join(",")
            )));
        }
        let key = secrets.key(wanted.as_deref()).map_err(|error| failed(&error))?.clone();
        Ok((secrets, key))
    }

    /// `--encrypt-vault-id`, or the configured one.
    pub(super) fn encrypt_id(&self, id: &EncryptId) -> Option<String> {
        let given = id.encrypt_vault_id.clone().filter(|id| !id.is_empty());
        given.or_else(|| self.settings.text("DEFAULT_VAULT_ENCRYPT_IDENTITY"))
    }
}

/// Whether a file name stands for standard input or output.
pub(super) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// `None` of files is standard input.
pub(super) fn or_standard(files: &[PathBuf]) -> Vec<PathBuf> {
    if files.is_empty() { vec![PathBuf::from("-")] } else { files.to_vec() }
}

/// At most one input goes to one output.
pub(super) fn check_output(files: &[PathBuf], output: Option<&Path>) -> Result<(), Failure> {
    if output.is_some() && files.len() > 1 {
        return Err(options("At most one input file may be used with the --output option"));
    }
    Ok(())
}

/// A file's bytes, or standard input's.
pub(super) fn read_data(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if !is_standard(path) {
        // As the reference, messages have the full path.
        let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        return rplay_vault::read_file(&full).map_err(|error| failed(&error));
    }
    let mut data = Zeroizing::new(Vec::new());
    io::stdin()
        .lock()
        .read_to_end(&mut data)
        .map_err(|error| trouble(format!("cannot read standard input: {error}")))?;
    Ok(data)
}

/// Writes a result over `input`, or where `--output` says. Old content is overwritten on its disk with `shred`.
pub(super) fn write_data(data: &[u8], input: &Path, output: Option<&Path>, shred: bool) -> Result<(), Failure> {
    let target = output.unwrap_or(input);
    if is_standard(target) {
        let mut stdout = io::stdout().lock();
        return stdout
            .write_all(data)
            .and_then(|()| stdout.flush())
            .map_err(|error| trouble(format!("cannot write standard output: {error}")));
    }
    let target = match output {
        Some(path) => crate::settings::expand(&path.display().to_string()),
        None => target.to_owned(),
    };
    rplay_vault::write_file(&target, data, Permissions::Private, shred).map_err(|error| failed(&error))
}

/// Opens an envelope; errors name the file.
pub(super) fn decrypt(secrets: &Secrets, data: &[u8], path: &Path) -> Result<Decrypted, Failure> {
    secrets.decrypt(data).map_err(|error| {
        let mut diagnostic = error.diagnostic();
        diagnostic.message = format!("{} for {}", diagnostic.message, path.display());
        Failure::error(diagnostic)
    })
}

/// The file behind links; `-` stays.
pub(super) fn real(path: &Path) -> PathBuf {
    if is_standard(path) { path.to_owned() } else { fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned()) }
}

/// A line on standard error.
pub(super) fn say(text: &str) {
    // Nowhere is left to complain about a broken standard error.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A line on standard error for people who watch.
pub(super) fn say_to_terminal(text: &str) {
    if io::stdout().is_terminal() {
        say(text);
    }
}

/// A failure of the vault.
pub(super) fn failed(error: &VaultError) -> Failure {
    Failure::error(error.diagnostic())
}

/// A failure with a message.
pub(super) fn trouble(message: impl Into<String>) -> Failure {
    Failure::error(Diagnostic::error(message))
}

/// Options that do not fit together.
pub(super) fn options(message: impl Into<String>) -> Failure {
    Failure::options(Diagnostic::error(message))
}
