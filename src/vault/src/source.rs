//! Where passwords come from: files, scripts and prompts, as `--vault-id`, `--vault-password-file` and `--ask-vault-pass`.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use zeroize::Zeroizing;

use crate::{Password, Secrets, VaultError, is_vault};

/// A place to read a password from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretSource {
    /// The vault id it is for; `None` when none was given, which stands for the default one.
    pub id: Option<String>,
    /// Where it is.
    pub place: Place,
}

/// A kind of place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Asked for on the terminal, naming the vault id (`--vault-id dev@prompt`).
    Prompt,
    /// Asked for on the terminal without a vault id (`--ask-vault-pass`).
    AskPass,
    /// A file with the password, or a script that prints it.
    File(PathBuf),
}

/// Whether a password exists already or is chosen now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// It is asked for once.
    Known,
    /// It is asked for twice, and both must be equal.
    New,
}

/// Asks the user: gets the text to show, returns what was typed without echo.
pub type Prompt<'a> = &'a mut dyn FnMut(&str) -> io::Result<Zeroizing<String>>;

/// The exit code of a client script that does not know the vault id.
const UNKNOWN_ID: i32 = 2;

impl SecretSource {
    /// Reads `label@source`, `source` or `label@prompt` as given to `--vault-id`.
    pub fn parse(text: &str) -> Self {
        let (id, place) = text.split_once('@').map_or((None, text), |(id, place)| (Some(id), place));
        let place = match place {
            "prompt" => Place::Prompt,
            "prompt_ask_vault_pass" => Place::AskPass,
            path => Place::File(PathBuf::from(path)),
        };
        Self { id: id.filter(|id| !id.is_empty()).map(str::to_owned), place }
    }

    /// Reads the password and adds it to `secrets`; those already there open a password file that is itself encrypted.
    /// `default_id` is the vault id of sources that name none (`vault_identity`, by default [`crate::DEFAULT_ID`]).
    pub fn read(
        &self,
        secrets: &mut Secrets,
        default_id: &str,
        asking: Asking,
        prompt: Prompt<'_>,
    ) -> Result<(), VaultError> {
        let id = self.id.as_deref().unwrap_or(default_id);
        let password = match &self.place {
            Place::Prompt => match asking {
                Asking::Known => ask(&[&format!("Vault password ({id}): ")], id, prompt)?,
                Asking::New => {
                    let texts =
                        [format!("New vault password ({id}): "), format!("Confirm new vault password ({id}): ")];
                    ask(&[&texts[0], &texts[1]], id, prompt)?
                }
            },
            Place::AskPass => match asking {
                Asking::Known => ask(&["Vault password: "], id, prompt)?,
                Asking::New => ask(&["New Vault password: ", "Confirm New Vault password: "], id, prompt)?,
            },
            Place::File(path) => self.read_place(path, secrets)?,
        };
        secrets.add(id, password);
        Ok(())
    }

    fn read_place(&self, path: &Path, secrets: &Secrets) -> Result<Password, VaultError> {
        let owned = || path.to_owned();
        let unreadable = |source| VaultError::PasswordFile { path: owned(), source };
        // What cannot be looked at is, as for Ansible, not there.
        let metadata = fs_err::metadata(path).map_err(|_| VaultError::NoPasswordFile { path: owned() })?;
        if metadata.is_dir() {
            return Err(VaultError::PasswordFolder { path: owned() });
        }
        let empty = |kind| {
            move |error| match error {
                VaultError::EmptyPassword => VaultError::EmptyPasswordFile { kind, path: owned() },
                other => other,
            }
        };
        if metadata.permissions().mode() & 0o111 != 0 {
            return Password::new(self.run(path)?).map_err(empty("script"));
        }
        let content = Zeroizing::new(fs_err::read(path).map_err(unreadable)?);
        let content = content.trim_ascii();
        if is_vault(content) {
            return Password::new(secrets.decrypt(content)?.plain.to_vec()).map_err(empty("file"));
        }
        Password::new(content.to_vec()).map_err(empty("file"))
    }

    /// Runs a password script. Only a `-client` script is told the vault id; others keep their standard error and input,
    /// so that they can ask the user.
    fn run(&self, path: &Path) -> Result<Vec<u8>, VaultError> {
        let is_client = path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("-client"));
        let failed = |source| VaultError::ScriptStart { path: path.to_owned(), source };
        // A bare file name is not to be searched for in PATH.
        let program = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut command = Command::new(&program);
        command.stdout(Stdio::piped());
        if is_client {
            command.stderr(Stdio::piped());
            if let Some(id) = &self.id {
                command.args(["--vault-id", id]);
            }
        }
        let output = command.spawn().and_then(Child::wait_with_output).map_err(failed)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let path = path.to_owned();
        let id = is_client.then(|| self.id.clone().unwrap_or_else(|| "None".to_owned()));
        match (output.status.code(), id) {
            (Some(UNKNOWN_ID), Some(id)) => Err(VaultError::ScriptUnknownId { path, id, said }),
            (code, id) => {
                let status = code.map_or_else(|| output.status.to_string(), |code| code.to_string());
                Err(VaultError::Script { path, id, status, said })
            }
        }
    }
}

/// Asks once for each text; all answers must be equal.
fn ask(texts: &[&str], id: &str, prompt: Prompt<'_>) -> Result<Password, VaultError> {
    let mut first: Option<Password> = None;
    let mut same = true;
    for text in texts {
        let typed = prompt(text).map_err(|source| VaultError::Prompt { id: id.to_owned(), source })?;
        let password = Password::new(typed.trim().as_bytes().to_vec())?;
        same &= first.as_ref().is_none_or(|first| *first == password);
        first.get_or_insert(password);
    }
    first.filter(|_| same).ok_or(VaultError::Confirmation)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    use crate::DEFAULT_ID;

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
        let of = |id: Option<&str>, place| SecretSource { id: id.map(str::to_owned), place };
        let file = |id, path: &str| of(id, Place::File(path.into()));
        assert_eq!(SecretSource::parse("dev@a/b"), file(Some("dev"), "a/b"));
        assert_eq!(SecretSource::parse("a/b"), file(None, "a/b"));
        assert_eq!(SecretSource::parse("dev@prompt"), of(Some("dev"), Place::Prompt));
        assert_eq!(SecretSource::parse("@prompt"), of(None, Place::Prompt));
        assert_eq!(SecretSource::parse("prompt_ask_vault_pass"), of(None, Place::AskPass));
        assert_eq!(SecretSource::parse("a@b@c"), file(Some("a"), "b@c"));
    }

    #[test]
    fn passwords_come_from_files_scripts_and_prompts() {
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("plain");
        fs::write(&plain, "  pw \n").unwrap();
        let mut secrets = Secrets::new();
        let read = |source: SecretSource, secrets: &mut Secrets| {
            source.read(secrets, DEFAULT_ID, Asking::Known, &mut no_prompt)
        };
        let file = |id: Option<&str>, path: &Path| SecretSource {
            id: id.map(str::to_owned),
            place: Place::File(path.to_owned()),
        };
        read(file(None, &plain), &mut secrets).unwrap();
        let sealed = folder.path().join("sealed");
        fs::write(&sealed, secrets.encrypt("inner\n", None).unwrap()).unwrap();
        let client = script(folder.path(), "get-client.sh", "echo \"pw for $1 $2\"");
        let bare = script(folder.path(), "get.sh", "echo \"$# args\"");
        for (id, path) in [("sealed", &sealed), ("client", &client), ("bare", &bare)] {
            read(file(Some(id), path), &mut secrets).unwrap();
        }
        let mut asked = String::new();
        SecretSource::parse("dev@prompt")
            .read(&mut secrets, DEFAULT_ID, Asking::Known, &mut |text| {
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
        let fail = |path: &Path| {
            let source = SecretSource { id: Some("x".to_owned()), place: Place::File(path.to_owned()) };
            let error = source.read(&mut Secrets::new(), DEFAULT_ID, Asking::Known, &mut no_prompt).unwrap_err();
            error.to_string().replace(&folder.path().display().to_string(), "")
        };
        assert_eq!(fail(&folder.path().join("gone")), "The vault password file /gone was not found");
        assert_eq!(fail(folder.path()), "The vault password file provided '' can not be a directory");
        assert_eq!(fail(&empty), "Invalid vault password was provided from file (/empty)");
        assert_eq!(
            fail(&unknown),
            "Vault password client script /no-client did not find a secret for vault-id=x: nope"
        );
        assert_eq!(fail(&broken), "Vault password script /broken returned non-zero (3)");
    }

    #[test]
    fn a_new_password_is_typed_twice() {
        let new = |answers: [&str; 2]| {
            let (mut answers, mut asked) = (answers.into_iter(), Vec::new());
            let read =
                SecretSource::parse("dev@prompt").read(&mut Secrets::new(), DEFAULT_ID, Asking::New, &mut |text| {
                    asked.push(text.to_owned());
                    Ok(Zeroizing::new(answers.next().unwrap_or_default().to_owned()))
                });
            (read.map_err(|error| error.to_string()), asked)
        };
        let (read, asked) = new(["a", "a "]);
        assert_eq!(
            (read, asked),
            (Ok(()), vec!["New vault password (dev): ".to_owned(), "Confirm new vault password (dev): ".to_owned()])
        );
        assert_eq!(new(["a", "b"]).0, Err("Passwords do not match".to_owned()));
        assert_eq!(new(["", ""]).0, Err("Invalid vault password was provided".to_owned()));
    }
}
