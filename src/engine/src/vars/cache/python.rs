//! A cache plugin in Python: redis, memcached, pickle, or the user's own.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rplay_python::{Errand, PluginFile, Python};
use rplay_template::Engine;
use rplay_value::Map;
use serde_json::{Value as Json, json};

use super::{CacheError, Store, payload};

/// A plugin, and what runs it.
#[derive(Clone)]
pub struct PythonCache {
    /// Starts its process.
    pub python: Python,
    /// Renders what it asks for.
    pub engine: Engine,
    /// The plugin.
    pub plugin: PluginFile,
}

impl fmt::Debug for PythonCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PythonCache").field(&self.plugin).finish()
    }
}

impl PartialEq for PythonCache {
    fn eq(&self, other: &Self) -> bool {
        self.plugin == other.plugin
    }
}

impl Eq for PythonCache {}

/// The plugin in its process; one question at a time.
pub(super) struct InPython {
    plugin: PluginFile,
    errand: Mutex<Errand>,
}

impl InPython {
    pub(super) fn open(cache: &PythonCache) -> Result<Self, CacheError> {
        let unusable = |error: rplay_python::PythonError| {
            CacheError::Unusable(format!("facts are not cached: the cache plugin '{}': {error}", cache.plugin.name))
        };
        let errand = cache.python.errand(&[cache.plugin.json()], &cache.engine).map_err(unusable)?;
        let store = Self { plugin: cache.plugin.clone(), errand: Mutex::new(errand) };
        store.ask("open", json!({}))?;
        Ok(store)
    }

    fn errand(&self) -> MutexGuard<'_, Errand> {
        self.errand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, what: &str, mut request: Json) -> Result<Json, CacheError> {
        request["op"] = "cache".into();
        request["what"] = what.into();
        request["plugin"] = self.plugin.json();
        request["file"] = self.plugin.file.display().to_string().into();
        self.errand().ask(&request.to_string(), |_, _| None).map_err(|error| {
            CacheError::Unusable(format!("the cache plugin '{}' failed ({what}): {error}", self.plugin.name))
        })
    }
}

impl Store for InPython {
    fn load(&self, host: &str) -> Result<Option<Map>, CacheError> {
        let found = self.ask("get", json!({"key": payload::key(host)}))?;
        let Some(text) = found.as_str() else { return Ok(None) };
        payload::decode(text).map(Some).map_err(|problem| {
            CacheError::Broken(format!(
                "what the cache plugin '{}' has of {host} is no facts: {problem}",
                self.plugin.name
            ))
        })
    }

    fn save(&self, host: &str, facts: &Map) -> Result<(), CacheError> {
        self.ask("set", json!({"key": payload::key(host), "value": payload::encode(facts)})).map(drop)
    }

    fn delete(&self, host: &str) -> Result<(), CacheError> {
        self.ask("delete", json!({"key": payload::key(host)})).map(drop)
    }
}
