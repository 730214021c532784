//! Where passwords come from: files, scripts and prompts, as `--vault-id`, `--vault-password-file` and `--ask-vault-pass`.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use crate::{DEFAULT_ID, Password, Secrets, VaultError, is_vault};

/// A place to read a password from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretSource {
    /// The vault id it is for.
    pub id: String,
    /// Where it is.
    pub place: Place,
}

/// A kind of place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Asked for on the terminal.
    Prompt,
    /// A file with the password, or a script that prints it.
    File(PathBuf),
}

/// Asks the user: gets the text to show, returns what was typed without echo.
pub type Prompt<'a> = &'a mut dyn FnMut(&str) -> io::Result<Zeroizing<String>>;

/// The exit code of a client script that does not know the vault id.
const UNKNOWN_ID: i32 = 2;

impl SecretSource {
    /// Reads `label@source`, `source` or `label@prompt` as given to `--vault-id`.
    pub fn parse(text: &str) -> Self {
        let (id, place) = text.split_once('@').unwrap_or(("", text));
        let id = if id.is_empty() { DEFAULT_ID } else { id };
        match place {
            "prompt" | "prompt_ask_vault_pass" => Self::prompt(id),
            path => Self { id: id.to_owned(), place: Place::File(PathBuf::from(path)) },
        }
    }

    /// A prompt for a vault id.
    pub fn prompt(id: &str) -> Self {
        Self { id: id.to_owned(), place: Place::Prompt }
    }

    /// A file or script for the default vault id.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { id: DEFAULT_ID.to_owned(), place: Place::File(path.into()) }
    }

    /// Reads the password and adds it to `secrets`; those already there open a password file that is itself encrypted.
    pub fn read(&self, secrets: &mut Secrets, prompt: Prompt<'_>) -> Result<(), VaultError> {
        let password = match &self.place {
            Place::Prompt => {
                let text = match self.id.as_str() {
                    DEFAULT_ID => "Vault password: ".to_owned(),
                    id => format!("Vault password ({id}): "),
                };
                let typed = prompt(&text).map_err(|source| VaultError::Prompt { id: self.id.clone(), source })?;
                Password::new(typed.trim().as_bytes().to_vec())?
            }
            Place::File(path) => self.read_place(path, secrets)?,
        };
        secrets.add(&self.id, password);
        Ok(())
    }

    fn read_place(&self, path: &Path, secrets: &Secrets) -> Result<Password, VaultError> {
        let unreadable = |source| VaultError::PasswordFile { path: path.to_owned(), source };
        let metadata = fs_err::metadata(path).map_err(unreadable)?;
        if metadata.is_dir() {
            return Err(unreadable(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let empty = |error| match error {
            VaultError::EmptyPassword => VaultError::EmptyPasswordFile { path: path.to_owned() },
            other => other,
        };
        if metadata.permissions().mode() & 0o111 != 0 {
            return Password::new(self.run(path)?).map_err(empty);
        }
        let content = Zeroizing::new(fs_err::read(path).map_err(unreadable)?);
        let content = content.trim_ascii();
        if is_vault(content) {
            return Password::new(secrets.decrypt(content)?.plain.to_vec()).map_err(empty);
        }
        Password::new(content.to_vec()).map_err(empty)
    }

    /// Runs a password script. Only a `-client` script is told the vault id; others keep their standard error and input,
    /// so that they can ask the user.
    fn run(&self, path: &Path) -> Result<Vec<u8>, VaultError> {
        let is_client = path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("-client"));
        // A bare file name is not to be searched for in PATH.
        let program = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut command = Command::new(&program);
        command.stdout(Stdio::piped());
        if is_client {
            command.args(["--vault-id", &self.id]).stderr(Stdio::piped());
        }
        let child = command.spawn().map_err(|source| VaultError::ScriptStart { path: path.to_owned(), source })?;
        let output =
            child.wait_with_output().map_err(|source| VaultError::ScriptStart { path: path.to_owned(), source })?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if is_client && output.status.code() == Some(UNKNOWN_ID) {
            return Err(VaultError::ScriptUnknownId { path: path.to_owned(), id: self.id.clone(), said });
        }
        Err(VaultError::Script { path: path.to_owned(), status: output.status.to_string(), said })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    fn no_prompt(_: &str) -> io::Result<Zeroizing<String>> {
        Err(io::Error::from(io::ErrorKind::UnexpectedEof))
    }

    fn script(folder: &Path, name: &str, body: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn labels_and_places_are_told_apart() {
        let file = |id: &str, path: &str| SecretSource { id: id.into(), place: Place::File(path.into()) };
        assert_eq!(SecretSource::parse("dev@a/b"), file("dev", "a/b"));
        assert_eq!(SecretSource::parse("a/b"), file("default", "a/b"));
        assert_eq!(SecretSource::parse("dev@prompt"), SecretSource::prompt("dev"));
        assert_eq!(SecretSource::parse("@prompt"), SecretSource::prompt("default"));
        assert_eq!(SecretSource::parse("a@b@c"), file("a", "b@c"));
    }

    #[test]
    fn passwords_come_from_files_scripts_and_prompts() {
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("plain");
        fs::write(&plain, "  pw \n").unwrap();
        let mut secrets = Secrets::new();
        SecretSource::file(&plain).read(&mut secrets, &mut no_prompt).unwrap();
        let sealed = folder.path().join("sealed");
        fs::write(&sealed, secrets.encrypt("inner\n", None).unwrap()).unwrap();
        let client = script(folder.path(), "get-client.sh", "echo \"pw for $1 $2\"");
        let bare = script(folder.path(), "get.sh", "echo \"$# args\"");
        for (id, path) in [("sealed", &sealed), ("client", &client), ("bare", &bare)] {
            let source = SecretSource { id: id.into(), place: Place::File(path.clone()) };
            source.read(&mut secrets, &mut no_prompt).unwrap();
        }
        let mut asked = String::new();
        SecretSource::prompt("dev")
            .read(&mut secrets, &mut |text| {
                asked = text.to_owned();
                Ok(Zeroizing::new("typed".to_owned()))
            })
            .unwrap();
        assert_eq!(asked, "Vault password (dev): ");
        assert_eq!(secrets.ids().collect::<Vec<_>>(), ["default", "sealed", "client", "bare", "dev"]);
        for (id, password) in [
            ("default", "pw"),
            ("sealed", "inner"),
            ("client", "pw for --vault-id client"),
            ("bare", "0 args"),
            ("dev", "typed"),
        ] {
            let mut expected = Secrets::new();
            expected.add(id, Password::new(password.into()).unwrap());
            expected.match_ids(true);
            assert_eq!(expected.decrypt_text(secrets.encrypt("x", Some(id)).unwrap()).unwrap(), "x", "{id}");
        }
    }

    #[test]
    fn failures_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty");
        fs::write(&empty, "\n").unwrap();
        let unknown = script(folder.path(), "no-client", "echo nope >&2; exit 2");
        let broken = script(folder.path(), "broken", "exit 3");
        let fail =
            |path: &Path| SecretSource::file(path).read(&mut Secrets::new(), &mut no_prompt).unwrap_err().to_string();
        assert!(fail(&folder.path().join("gone")).contains("gone"));
        assert!(fail(folder.path()).contains("could not be read"));
        assert!(fail(&empty).contains("holds no password"));
        assert!(fail(&unknown).contains("did not find a secret for vault-id=default: nope"));
        assert!(fail(&broken).contains("exit status: 3"));
    }
}
