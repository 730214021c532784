//! One SQLite database for all hosts: a single file however many hosts there are.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rplay_value::Map;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{CacheError, CacheSettings, Store, payload};

/// A table of payloads by host.
pub(super) struct Sqlite {
    connection: Mutex<Connection>,
    path: PathBuf,
    prefix: String,
    timeout: Option<Duration>,
}

impl Sqlite {
    pub(super) fn open(settings: &CacheSettings) -> Result<Self, CacheError> {
        let path = settings.path.clone();
        let unusable = |problem: String| {
            CacheError::Unusable(format!(
                "facts are not cached: the database {} cannot be used: {problem}",
                path.display()
            ))
        };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs_err::create_dir_all(folder).map_err(|error| unusable(error.to_string()))?;
        }
        // Facts that a playbook set may be nobody else's business: the file is made for its owner alone.
        std::fs::File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| unusable(error.to_string()))?;
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open(&path)?;
            // Several runs may share the file; a lost cache entry is no loss worth waiting for the disk.
            connection.busy_timeout(Duration::from_secs(10))?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.execute_batch(
                "CREATE TABLE IF NOT EXISTS facts (host TEXT PRIMARY KEY, payload TEXT NOT NULL, saved INTEGER NOT NULL) \
                 WITHOUT ROWID",
            )?;
            Ok(connection)
        };
        let connection = open().map_err(|error| unusable(error.to_string()))?;
        Ok(Self {
            connection: Mutex::new(connection),
            path,
            prefix: settings.prefix.clone(),
            timeout: settings.timeout,
        })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self, host: &str) -> String {
        format!("{}{}", self.prefix, payload::key(host))
    }

    fn unusable(&self, host: &str, what: &str, error: &rusqlite::Error) -> CacheError {
        CacheError::Unusable(format!("cached facts of {host} were not {what} ({}): {error}", self.path.display()))
    }
}

impl Store for Sqlite {
    fn load(&self, host: &str) -> Result<Option<Map>, CacheError> {
        let oldest = self.timeout.map_or(0, |timeout| now().saturating_sub(timeout.as_secs()));
        let found: Option<String> = self
            .connection()
            .query_row(
                "SELECT payload FROM facts WHERE host = ?1 AND saved >= ?2",
                params![self.key(host), oldest as i64],
                |row| row.get(0),
            )
            .optional()
            .map_err(|error| self.unusable(host, "read", &error))?;
        let Some(text) = found else { return Ok(None) };
        payload::decode(&text).map(Some).or_else(|problem| {
            self.delete(host)?;
            Err(CacheError::Broken(format!(
                "The cached facts of {host} were not readable ({problem}) and are removed."
            )))
        })
    }

    fn save(&self, host: &str, facts: &Map) -> Result<(), CacheError> {
        let saved = now() as i64;
        self.connection()
            .execute(
                "INSERT OR REPLACE INTO facts (host, payload, saved) VALUES (?1, ?2, ?3)",
                params![self.key(host), payload::encode(facts), saved],
            )
            .map(|_| ())
            .map_err(|error| self.unusable(host, "kept", &error))
    }

    fn delete(&self, host: &str) -> Result<(), CacheError> {
        self.connection()
            .execute("DELETE FROM facts WHERE host = ?1", params![self.key(host)])
            .map(|_| ())
            .map_err(|error| self.unusable(host, "removed", &error))
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(folder: &std::path::Path, prefix: &str, timeout: u64) -> Sqlite {
        let settings = CacheSettings {
            path: folder.join("new/facts.db"),
            prefix: prefix.to_owned(),
            timeout: Some(Duration::from_secs(timeout)),
        };
        Sqlite::open(&settings).unwrap()
    }

    #[test]
    fn facts_outlive_the_connection() {
        let folder = tempfile::tempdir().unwrap();
        let facts = Map::from_iter([("ansible_a", "ü")]);
        store(folder.path(), "", 60).save("h", &facts).unwrap();
        assert_eq!(store(folder.path(), "other", 60).load("h").unwrap(), None);
        let again = store(folder.path(), "", 60);
        assert_eq!(again.load("h").unwrap(), Some(facts));
        again.connection().execute("UPDATE facts SET saved = saved - 61", []).unwrap();
        assert_eq!(again.load("h").unwrap(), None);
        again.delete("h").unwrap();
        let left: i64 = again.connection().query_row("SELECT count(*) FROM facts", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 0);
    }

    #[test]
    fn what_is_no_database_is_not_used_and_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        fs_err::write(&path, "my notes, which are long enough to be looked at closely").unwrap();
        let settings = CacheSettings { path: path.clone(), prefix: String::new(), timeout: None };
        assert!(matches!(Sqlite::open(&settings), Err(CacheError::Unusable(_))));
        assert!(fs_err::read_to_string(&path).unwrap().starts_with("my notes"));
    }
}
