//! The fact cache: what was learnt about hosts, kept for later runs.
//!
//! Where it is kept is a [`Store`]; what is kept is a payload (`payload.rs`) in ansible-core's own format, so that either
//! program reads what the other wrote. Cached facts are data, whatever they contain.

mod jsonfile;
mod payload;
mod python;
mod sqlite;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rplay_diag::Diagnostic;
use rplay_value::Map;

pub use python::PythonCache;

/// Where facts are kept between runs (`fact_caching`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FactCaching {
    /// Nowhere: they are gone with the run.
    #[default]
    Memory,
    /// One JSON file a host, as ansible-core's `jsonfile`.
    JsonFile(CacheSettings),
    /// One SQLite database for all hosts.
    Sqlite(CacheSettings),
    /// A plugin in Python.
    Python(Box<PythonCache>),
}

/// What a cache that outlives a run is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// `fact_caching_connection`: a folder, or the database file.
    pub path: PathBuf,
    /// `fact_caching_prefix`: comes before the names of hosts.
    pub prefix: String,
    /// `fact_caching_timeout`: facts older than this do not count; `None` keeps them for good.
    pub timeout: Option<Duration>,
}

/// Why a cache cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CacheError {
    /// It cannot be reached.
    #[error("{0}")]
    Unusable(String),
    /// What was kept about a host is not readable; it was removed.
    #[error("{0}")]
    Broken(String),
}

/// Keeps payloads by host.
trait Store: Send + Sync {
    /// What is kept about a host and has not expired.
    fn load(&self, host: &str) -> Result<Option<Map>, CacheError>;
    /// Keeps what is known about a host, in the place of what was kept before.
    fn save(&self, host: &str, facts: &Map) -> Result<(), CacheError>;
    /// Forgets a host.
    fn delete(&self, host: &str) -> Result<(), CacheError>;
}

/// The fact cache of a run.
#[derive(Default)]
pub(crate) struct FactCache {
    store: Option<Box<dyn Store>>,
    said: Mutex<Vec<Diagnostic>>,
}

impl FactCache {
    /// Opens a cache. One that cannot be used is a warning, and facts are kept in memory: as ansible-core.
    pub(crate) fn open(caching: &FactCaching) -> Self {
        let store: Result<Option<Box<dyn Store>>, CacheError> = match caching {
            FactCaching::Memory => Ok(None),
            FactCaching::JsonFile(settings) => {
                jsonfile::JsonFile::open(settings).map(|store| Some(Box::new(store) as Box<dyn Store>))
            }
            FactCaching::Sqlite(settings) => {
                sqlite::Sqlite::open(settings).map(|store| Some(Box::new(store) as Box<dyn Store>))
            }
            FactCaching::Python(cache) => {
                python::InPython::open(cache).map(|store| Some(Box::new(store) as Box<dyn Store>))
            }
        };
        match store {
            Ok(store) => Self { store, said: Mutex::default() },
            Err(error) => Self { store: None, said: Mutex::new(vec![Diagnostic::warning(error.to_string())]) },
        }
    }

    /// Whether anything outlives the run.
    pub(crate) fn persists(&self) -> bool {
        self.store.is_some()
    }

    /// The facts of a host, if there are any.
    pub(crate) fn load(&self, host: &str) -> Option<Map> {
        self.warned(self.store.as_ref()?.load(host)).flatten()
    }

    /// Keeps the facts of a host.
    pub(crate) fn save(&self, host: &str, facts: &Map) {
        if let Some(store) = &self.store {
            self.warned(store.save(host, facts));
        }
    }

    /// Forgets the facts of a host.
    pub(crate) fn delete(&self, host: &str) {
        if let Some(store) = &self.store {
            self.warned(store.delete(host));
        }
    }

    /// Warnings since the last call.
    pub(crate) fn take_warnings(&self) -> Vec<Diagnostic> {
        if self.store.is_none() && self.said().is_empty() {
            return Vec::new();
        }
        std::mem::take(&mut *self.said())
    }

    fn said(&self) -> std::sync::MutexGuard<'_, Vec<Diagnostic>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A cache that fails costs time, not the run.
    fn warned<T>(&self, result: Result<T, CacheError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                let warning = Diagnostic::warning(error.to_string());
                self.said().push(match error {
                    CacheError::Broken(_) => warning.hint("the facts of this host are gathered again when a play asks"),
                    CacheError::Unusable(_) => warning,
                });
                None
            }
        }
    }
}
