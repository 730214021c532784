//! The folder of a scenario's own files: its key, what is handed off, logs and outputs; and the lock that one command at a
//! time holds. What is made is not written down here: labels say that.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use rplay_diag::{Diagnose, Diagnostic};

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another command is at work.
    #[error("another command is at work on scenario `{scenario}` (process {holder})")]
    Held {
        /// The scenario.
        scenario: String,
        /// The process, as the lock's file says.
        holder: String,
    },
    /// A key pair cannot be made.
    #[error("cannot make a key pair: {0}")]
    Key(String),
    /// A file.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Diagnose for FolderError {
    fn diagnostic(&self) -> Diagnostic {
        let diagnostic = Diagnostic::error(self.to_string());
        match self {
            Self::Held { .. } => diagnostic.hint("wait for it, or end it"),
            Self::Key(_) => diagnostic.hint("`ssh-keygen` makes it (on Debian in openssh-client)"),
            Self::Io(_) => diagnostic,
        }
    }
}

/// Where rplay keeps what it can make again.
pub fn cache() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/".into())).join(".cache");
    std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()).map_or_else(home, PathBuf::from).join("rplay")
}

/// A scenario's folder.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

/// Held while a command changes something; given up when the process ends, however it does.
#[derive(Debug)]
pub struct Lock {
    _file: nix::fcntl::Flock<File>,
}

impl Folder {
    /// The folder given, else that of the scenario's name in the cache; made when it is not there.
    pub fn open(given: Option<&Path>, scenario: &str) -> Result<Self, FolderError> {
        let path = given.map_or_else(|| cache().join("scenario").join(scenario), Path::to_owned);
        // ssh and the nodes' files want whole paths.
        let path = std::path::absolute(path)?;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A folder in it, made when it is not there.
    pub fn below(&self, name: &str) -> Result<PathBuf, FolderError> {
        let path = self.path.join(name);
        fs_err::create_dir_all(&path)?;
        Ok(path)
    }

    /// The lock, unless another process has it.
    pub fn lock(&self, scenario: &str) -> Result<Lock, FolderError> {
        // A removal takes the folder with it; what comes after in the same process starts anew.
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path)?;
        let path = self.file("lock");
        let file = File::options().create(true).read(true).write(true).truncate(false).open(&path)?;
        match nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockExclusiveNonblock) {
            Ok(mut file) => {
                file.set_len(0)?;
                writeln!(file, "{}", std::process::id())?;
                Ok(Lock { _file: file })
            }
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => {
                let holder = fs_err::read_to_string(&path).unwrap_or_default().trim().to_owned();
                Err(FolderError::Held { scenario: scenario.to_owned(), holder })
            }
            Err((_, error)) => Err(io::Error::from(error).into()),
        }
    }

    /// The private key's path.
    pub fn key(&self) -> PathBuf {
        self.file("id_ed25519")
    }

    /// The public key, one line; the pair is made when it is not there.
    pub fn public_key(&self, scenario: &str) -> Result<String, FolderError> {
        let key = self.key();
        let public = self.file("id_ed25519.pub");
        if !key.exists() || !public.exists() {
            // Made under another name: a kill leaves no half of a pair.
            let made = tempfile::tempdir_in(&self.path)?;
            let path = made.path().join("id");
            let comment = format!("rplay-{scenario}");
            let output = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", &comment, "-f"])
                .arg(&path)
                .output()
                .map_err(|error| FolderError::Key(error.to_string()))?;
            if !output.status.success() {
                return Err(FolderError::Key(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
            }
            fs_err::rename(path.with_extension("pub"), &public)?;
            fs_err::rename(&path, &key)?;
        }
        Ok(fs_err::read_to_string(public)?.trim().to_owned())
    }

    /// Writes a file of it whole, or not at all.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, FolderError> {
        let path = self.file(name);
        let temporary = path.with_extension(format!("new.{}", std::process::id()));
        let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        fs_err::rename(&temporary, &path)?;
        Ok(path)
    }

    /// Removes it with all that is in it.
    pub fn remove(&self) -> Result<(), FolderError> {
        match fs_err::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_and_its_key_are_for_its_user_alone() {
        let at = tempfile::tempdir().unwrap();
        let folder = Folder::open(Some(&at.path().join("lab")), "lab").unwrap();
        let key = folder.public_key("lab").unwrap();
        assert!(key.starts_with("ssh-ed25519 ") && key.ends_with(" rplay-lab"), "{key}");
        assert_eq!(folder.public_key("lab").unwrap(), key, "it is kept");
        let mode = |path: &Path| fs_err::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(folder.path()), mode(&folder.key())), (0o700, 0o600));
        folder.write("hosts", "a\n").unwrap();
        assert_eq!(mode(&folder.file("hosts")), 0o600);
        folder.remove().unwrap();
        folder.remove().unwrap();
        assert!(!folder.path().exists());
    }

    #[test]
    fn one_command_at_a_time_has_the_lock() {
        let at = tempfile::tempdir().unwrap();
        let folder = Folder::open(Some(at.path()), "lab").unwrap();
        let first = folder.lock("lab").unwrap();
        let error = folder.lock("lab").unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("another command is at work on scenario `lab` (process {})", std::process::id())
        );
        drop(first);
        folder.lock("lab").unwrap();
        folder.remove().unwrap();
        folder.lock("lab").unwrap();
    }
}
