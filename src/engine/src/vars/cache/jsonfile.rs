//! One file a host, as ansible-core's `jsonfile`.

use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use rplay_value::Map;

use super::{CacheError, CacheSettings, Store, payload};

/// A folder of files, each replaced as a whole.
pub(super) struct JsonFile {
    folder: PathBuf,
    prefix: String,
    timeout: Option<Duration>,
}

impl JsonFile {
    pub(super) fn open(settings: &CacheSettings) -> Result<Self, CacheError> {
        let folder = settings.path.clone();
        let unusable = |error: std::io::Error| {
            CacheError::Unusable(format!(
                "facts are not cached: the folder {} cannot be used: {}",
                folder.display(),
                error.kind()
            ))
        };
        fs_err::create_dir_all(&folder).map_err(unusable)?;
        tempfile::NamedTempFile::new_in(&folder).map_err(unusable)?;
        Ok(Self { folder, prefix: settings.prefix.clone(), timeout: settings.timeout })
    }

    fn path(&self, host: &str) -> PathBuf {
        self.folder.join(format!("{}{}", self.prefix, payload::key(host)))
    }
}

impl Store for JsonFile {
    fn load(&self, host: &str) -> Result<Option<Map>, CacheError> {
        let path = self.path(host);
        let read = || -> std::io::Result<Option<String>> {
            if let Some(timeout) = self.timeout {
                let age = fs_err::metadata(&path)?.modified()?.elapsed().unwrap_or_default();
                if age > timeout {
                    return Ok(None);
                }
            }
            fs_err::read_to_string(&path).map(Some)
        };
        let problem = match read() {
            Ok(None) => return Ok(None),
            Ok(Some(text)) => match payload::decode(&text) {
                Ok(facts) => return Ok(Some(facts)),
                Err(problem) => problem,
            },
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
            Err(error) => return Err(CacheError::Unusable(format!("cached facts of {host} were not read: {error}"))),
        };
        self.delete(host)?;
        Err(CacheError::Broken(format!(
            "The cache file {} was corrupt, or did not otherwise contain valid data ({problem}). It has been removed.",
            path.display()
        )))
    }

    fn save(&self, host: &str, facts: &Map) -> Result<(), CacheError> {
        let path = self.path(host);
        let write = || -> std::io::Result<()> {
            // Beside the file, so that renaming replaces it at once.
            let folder = path.parent().unwrap_or(&self.folder);
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(payload::encode(facts).as_bytes())?;
            // As ansible-core: other programs of the machine may read facts.
            file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|error| {
            CacheError::Unusable(format!("facts of {host} were not cached in {}: {error}", path.display()))
        })
    }

    fn delete(&self, host: &str) -> Result<(), CacheError> {
        let path = self.path(host);
        match fs_err::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(CacheError::Unusable(format!("cached facts of {host} were not removed: {error}")))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(folder: &std::path::Path, timeout: Option<Duration>) -> JsonFile {
        JsonFile::open(&CacheSettings { path: folder.join("new/cache"), prefix: "p_".to_owned(), timeout }).unwrap()
    }

    #[test]
    fn facts_come_back_and_can_be_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), None);
        let facts = Map::from_iter([("ansible_a", 1)]);
        store.save("h", &facts).unwrap();
        let path = folder.path().join("new/cache/p_s1_h");
        assert_eq!(fs_err::read_to_string(&path).unwrap(), "{\"__payload__\": \"{\\\"ansible_a\\\": 1}\"}");
        assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(store.load("h").unwrap(), Some(facts));
        assert_eq!(store.load("other").unwrap(), None);
        store.delete("h").unwrap();
        store.delete("h").unwrap();
        assert_eq!(store.load("h").unwrap(), None);
        assert_eq!(fs_err::read_dir(folder.path().join("new/cache")).unwrap().count(), 0);
    }

    #[test]
    fn old_facts_do_not_count_and_broken_ones_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), Some(Duration::from_mins(1)));
        store.save("h", &Map::new()).unwrap();
        let path = folder.path().join("new/cache/p_s1_h");
        let old = std::time::SystemTime::now() - Duration::from_secs(61);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
        assert_eq!(store.load("h").unwrap(), None);
        assert!(path.exists());
        fs_err::write(&path, "{").unwrap();
        assert!(matches!(store.load("h"), Err(CacheError::Broken(_))));
        assert!(!path.exists());
    }
}
