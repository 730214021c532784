//! Encrypted files: read whole, replaced at once.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::VaultError;

/// The bytes of a file, wiped when they are dropped.
pub fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let failed = |source| VaultError::File { action: "read", path: path.to_owned(), source };
    fs_err::read(path).map(Zeroizing::new).map_err(failed)
}

/// Replaces a file with these bytes in one step: readers see the old or the new one, never half. A link's target is
/// replaced, not the link. Permissions are kept; a new file is readable for its owner only.
pub fn write_file(path: &Path, content: &[u8]) -> Result<(), VaultError> {
    let failed = |source| VaultError::File { action: "write", path: path.to_owned(), source };
    let target = fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = fs_err::metadata(&target).map_or(0o600, |metadata| metadata.permissions().mode() & 0o7777);
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    file.as_file().set_permissions(PermissionsExt::from_mode(mode)).map_err(failed)?;
    file.persist(&target).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn files_are_replaced_whole_and_keep_their_mode() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        write_file(&file, b"one").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file), 0o600);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        write_file(&link, b"two").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!((&**read_file(&file).unwrap(), mode(&file)), (&b"two"[..], 0o640));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        assert!(read_file(&folder.path().join("gone")).unwrap_err().to_string().starts_with("cannot read"));
    }
}
