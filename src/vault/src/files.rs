//! Files that may be encrypted: read and opened, replaced at once, overwritten before they go.

use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use nix::fcntl::OFlag;
use rplay_diag::{Diagnose, Diagnostic, Sources};
use zeroize::Zeroizing;

use crate::{Secrets, VaultError, is_vault, random};

/// The controller's files as a run reads them: those that are encrypted come out decrypted. Every part of rplay that
/// reads playbooks, variables, templates or sources reads through this. Cloning shares the passwords.
#[derive(Clone, Debug, Default)]
pub struct VaultedFiles {
    secrets: Arc<Secrets>,
    sources: Sources,
}

impl VaultedFiles {
    /// Files opened with these passwords. What is decrypted is sealed in `sources`, so that no message shows its lines.
    pub fn new(secrets: Arc<Secrets>, sources: Sources) -> Self {
        Self { secrets, sources }
    }

    /// The passwords.
    pub fn secrets(&self) -> &Arc<Secrets> {
        &self.secrets
    }

    /// The whole file, decrypted when it is encrypted; an error that is about the vault names the file.
    pub fn bytes(&self, path: &Path) -> io::Result<Vec<u8>> {
        let bytes = fs_err::read(path)?;
        if !is_vault(&bytes) {
            return Ok(bytes);
        }
        let opened = self.secrets.decrypt(&bytes).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{}: {}", path.display(), one_line(&error)))
        })?;
        self.sources.seal(path);
        Ok(opened.plain.to_vec())
    }

    /// The text of a file, decrypted when it is encrypted.
    pub fn text(&self, path: &Path) -> io::Result<String> {
        String::from_utf8(self.bytes(path)?)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("{} is not UTF-8 text", path.display())))
    }

    /// The text in an envelope, or why it cannot be had, in one line.
    pub fn open(&self, envelope: &str) -> Result<Arc<str>, String> {
        self.secrets.decrypt_text(envelope).map(Into::into).map_err(|error| one_line(&error))
    }
}

/// An error's message with what would help, for places that show one line.
fn one_line(error: &VaultError) -> String {
    let Diagnostic { message, hints, .. } = error.diagnostic();
    if hints.is_empty() { message } else { format!("{message} ({})", hints.join("; ")) }
}

/// What becomes of a file's permissions when it is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permissions {
    /// Only its owner may read it, whatever was there: for what was just encrypted or decrypted.
    Private,
    /// Mode and owner stay; a new file is private.
    Kept,
}

/// The bytes of a file, wiped when they are dropped.
pub fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let failed = |source| VaultError::File { action: "read", path: path.to_owned(), source };
    // The message names the path.
    std::fs::read(path).map(Zeroizing::new).map_err(failed)
}

/// Replaces a file with these bytes in one step: readers see the old or the new one, never half. A link's target is
/// replaced, not the link. With `shred` the old content is overwritten on its disk, unless another name links to it.
pub fn write_file(path: &Path, content: &[u8], permissions: Permissions, shred: bool) -> Result<(), VaultError> {
    let failed = |source| VaultError::File { action: "write", path: path.to_owned(), source };
    let target = fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let old = match fs_err::metadata(&target) {
        Ok(found) if !found.is_file() => return Err(failed(io::Error::other("it is not a regular file"))),
        Ok(found) => Some(found),
        Err(_) => None,
    };
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    if let Some(old) = &old
        && permissions == Permissions::Kept
    {
        // The owner first: changing it clears the set-id bits of the mode. Without the right to, the owner is the user.
        let _ = std::os::unix::fs::fchown(file.as_file(), Some(old.uid()), Some(old.gid()));
        file.as_file().set_permissions(PermissionsExt::from_mode(old.mode() & 0o7777)).map_err(failed)?;
    }
    let before = if shred && old.is_some() { fs_err::OpenOptions::new().write(true).open(&target).ok() } else { None };
    file.persist(&target).map_err(|error| failed(error.error))?;
    if let Some(before) = before
        && before.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
    {
        // The new file stands already; what cannot be overwritten is gone at least.
        let _ = overwrite(before.into_parts().0);
    }
    Ok(())
}

/// Writes a new file that only its owner can read; one that exists is an error.
pub fn create_private(path: &Path, content: &[u8]) -> io::Result<()> {
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(content)
}

/// Overwrites a file with random bytes and removes it. One that is gone already is fine.
pub fn shred_file(path: &Path) -> io::Result<()> {
    let file = match std::fs::OpenOptions::new().write(true).custom_flags(OFlag::O_NOFOLLOW.bits()).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        // A link or something without content: there is nothing to overwrite.
        Err(_) => return fs_err::remove_file(path),
    };
    let overwritten = overwrite(file);
    fs_err::remove_file(path)?;
    overwritten
}

/// Overwrites and removes every file of a folder, then the folder. A folder that is gone already is fine.
pub fn shred_folder(folder: &Path) -> io::Result<()> {
    let entries = match fs_err::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            shred_folder(&entry.path())?;
        } else {
            shred_file(&entry.path())?;
        }
    }
    fs_err::remove_dir(folder)
}

fn overwrite(mut file: std::fs::File) -> io::Result<()> {
    let length = file.metadata()?.len();
    let noise = random::bytes::<4096>()?;
    file.seek(SeekFrom::Start(0))?;
    let mut left = length;
    while left > 0 {
        let part = left.min(noise.len() as u64) as usize;
        file.write_all(&noise[..part])?;
        left -= part as u64;
    }
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::Password;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn files_are_replaced_whole_and_keep_their_mode() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        write_file(&file, b"one", Permissions::Kept, false).unwrap();
        assert_eq!(mode(&file), 0o600);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        write_file(&link, b"two", Permissions::Kept, false).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!((&**read_file(&file).unwrap(), mode(&file)), (&b"two"[..], 0o640));
        write_file(&file, b"three", Permissions::Private, true).unwrap();
        assert_eq!((&**read_file(&file).unwrap(), mode(&file)), (&b"three"[..], 0o600));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        assert!(read_file(&folder.path().join("gone")).unwrap_err().to_string().starts_with("Unable to read"));
        assert!(write_file(folder.path(), b"", Permissions::Kept, false).is_err());
    }

    #[test]
    fn old_content_is_overwritten_unless_it_has_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let (file, other) = (folder.path().join("file"), folder.path().join("other"));
        fs::write(&file, "plain text").unwrap();
        let held = fs::File::open(&file).unwrap();
        write_file(&file, b"sealed", Permissions::Private, true).unwrap();
        let left = std::io::read_to_string(&held).unwrap_or_default();
        assert!(!left.contains("plain"), "{left}");
        fs::hard_link(&file, &other).unwrap();
        write_file(&file, b"again", Permissions::Private, true).unwrap();
        assert_eq!(fs::read(&other).unwrap(), b"sealed");
    }

    #[test]
    fn shredded_folders_leave_nothing_and_follow_no_link() {
        let outside = tempfile::tempdir().unwrap();
        let kept = outside.path().join("kept");
        fs::write(&kept, "kept").unwrap();
        let folder = outside.path().join("private");
        fs::create_dir_all(folder.join("inner")).unwrap();
        create_private(&folder.join("inner/file"), b"secret").unwrap();
        assert_eq!(mode(&folder.join("inner/file")), 0o600);
        assert!(create_private(&folder.join("inner/file"), b"").is_err());
        let held = fs::File::open(folder.join("inner/file")).unwrap();
        symlink(&kept, folder.join("link")).unwrap();
        shred_folder(&folder).unwrap();
        shred_folder(&folder).unwrap();
        shred_file(&folder.join("inner/file")).unwrap();
        assert_eq!((fs::read(&kept).unwrap(), folder.exists()), (b"kept".to_vec(), false));
        assert!(!std::io::read_to_string(held).unwrap_or_default().contains("secret"));
    }

    #[test]
    fn encrypted_files_come_out_decrypted() {
        let folder = tempfile::tempdir().unwrap();
        let mut secrets = Secrets::new();
        secrets.add("default", Password::new(b"pw".to_vec()).unwrap());
        let file = |name: &str, content: &[u8]| {
            fs::write(folder.path().join(name), content).unwrap();
            folder.path().join(name)
        };
        let (plain, sealed) =
            (file("plain", b"\xff"), file("sealed", secrets.encrypt(b"\xfe", None).unwrap().as_bytes()));
        let sources = Sources::new();
        let files = VaultedFiles::new(Arc::new(secrets), sources.clone());
        assert_eq!((files.bytes(&plain).unwrap(), files.bytes(&sealed).unwrap()), (vec![0xff], vec![0xfe]));
        assert!(files.text(&sealed).unwrap_err().to_string().contains("is not UTF-8 text"));
        assert!(sources.is_sealed(sources.add_file(&sealed, "")) && !sources.is_sealed(sources.add_file(&plain, "")));
        let envelope = files.secrets().encrypt("hunter2", None).unwrap();
        assert_eq!(&*files.open(&envelope).unwrap(), "hunter2");
        assert!(!format!("{files:?}").contains("hunter2"));
        let shut = VaultedFiles::default().bytes(&sealed).unwrap_err().to_string();
        assert!(
            shut.contains("sealed: Attempting to decrypt but no vault secrets found. (give its password"),
            "{shut}"
        );
    }
}
