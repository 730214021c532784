//! Vars plugins in Python: variables of hosts and groups from elsewhere than files.

use std::fmt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rplay_diag::Diagnostic;
use rplay_inventory::VarsPlugins;
use rplay_python::{Errand, PluginFile, Python};
use rplay_template::Engine;
use rplay_value::Map;
use serde_json::json;

use crate::places::Places;

/// The plugin that is native: files in `group_vars` and `host_vars`.
const FILES: &str = "host_group_vars";

/// Asks every plugin, in one process.
pub(crate) struct PythonVars {
    python: Python,
    engine: Engine,
    plugins: Vec<PluginFile>,
    errand: Mutex<Option<Errand>>,
}

impl fmt::Debug for PythonVars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PythonVars").field(&self.plugins).finish()
    }
}

impl PythonVars {
    /// Those of a run: all outside of collections but those that want to be enabled, and the enabled ones. None when
    /// there are none.
    pub(crate) fn new(python: Python, engine: Engine, places: &Places, enabled: &[String]) -> Option<Self> {
        let is_enabled = |name: &str| enabled.iter().any(|known| known == name);
        let mut plugins: Vec<PluginFile> = places
            .outside()
            .into_iter()
            .filter(|(name, file)| is_enabled(name) || !must_be_enabled(file))
            .map(|(name, file)| places.plugin(&name, file, None))
            .collect();
        let named = enabled.iter().filter(|name| name.contains('.') && name.rsplit('.').next() != Some(FILES));
        plugins.extend(named.filter_map(|name| places.find(name)));
        (!plugins.is_empty()).then(|| Self { python, engine, plugins, errand: Mutex::default() })
    }
}

/// Whether a plugin says that it does nothing unless it is enabled.
fn must_be_enabled(file: &Path) -> bool {
    let text = fs_err::read_to_string(file).unwrap_or_default();
    text.lines().any(|line| {
        let rest = line.trim_start();
        let rest = rest.strip_prefix("REQUIRES_ENABLED").or_else(|| rest.strip_prefix("REQUIRES_WHITELIST"));
        rest.is_some_and(|rest| rest.trim_start_matches([' ', '=']).starts_with("True"))
    })
}

impl VarsPlugins for PythonVars {
    fn vars(&self, folder: &Path, of_group: bool, name: &str) -> Result<[Map; 2], Diagnostic> {
        let path = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let mut slot = self.errand.lock().unwrap_or_else(PoisonError::into_inner);
        // As ansible-core loads them: those of the playbook, then its own for files, then those of collections.
        let (mut beneath, mut over) = (Map::new(), Map::new());
        for plugin in &self.plugins {
            let failed = |error: rplay_python::PythonError| {
                let told = Diagnostic::error(format!("The vars plugin '{}' failed: {error}", plugin.name));
                told.note(format!("it is {}", plugin.file.display()))
            };
            let mut errand = match slot.take() {
                Some(errand) => errand,
                None => self.python.errand(&[plugin.json()], &self.engine).map_err(failed)?,
            };
            let request = json!({
                "op": "vars", "plugin": plugin.json(), "file": plugin.file.display().to_string(), "asked": plugin.name,
                "path": path.display().to_string(), "group": of_group, "names": [name],
            });
            let answer = errand.ask(&request.to_string(), |_, _| None);
            let vars = answer.and_then(|answer| errand.desk().decode_map(&answer[0])).map_err(failed)?;
            *slot = Some(errand);
            if plugin.collection.is_some() { over.extend(vars) } else { beneath.extend(vars) }
        }
        Ok([beneath, over])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_says_whether_it_must_be_enabled() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.py");
        for (text, must) in [
            ("class VarsModule:\n    REQUIRES_ENABLED = True\n", true),
            ("    REQUIRES_WHITELIST=True\n", true),
            ("REQUIRES_ENABLED = False\n", false),
            ("pass\n", false),
        ] {
            fs_err::write(&file, text).unwrap();
            assert_eq!(must_be_enabled(&file), must, "{text}");
        }
    }
}
