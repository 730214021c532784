//! Plugins in Python by name, for what the engine does not look up itself: callbacks, inventories, variables, caches.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rplay_collection::{Collections, Kind};
use rplay_output::Callback;
use rplay_python::PluginFile;

use crate::settings::Settings;

/// Where plugins of a kind are looked for.
#[derive(Debug)]
pub(crate) struct Places {
    kind: Kind,
    /// Folders of such plugins, those of playbooks first.
    folders: Vec<PathBuf>,
    collections: Collections,
}

impl Places {
    /// Those of a kind: beside playbooks, then in configured folders.
    pub(crate) fn new(kind: Kind, playbooks: &[PathBuf], settings: &Settings, collections: &Collections) -> Self {
        let configured = settings.paths(match kind {
            Kind::Cache => "DEFAULT_CACHE_PLUGIN_PATH",
            Kind::Inventory => "DEFAULT_INVENTORY_PLUGIN_PATH",
            Kind::Vars => "DEFAULT_VARS_PLUGIN_PATH",
            _ => "DEFAULT_CALLBACK_PLUGIN_PATH",
        });
        let own = playbooks.iter().map(|folder| folder.join(kind.folder()));
        Self { kind, folders: own.chain(configured).collect(), collections: collections.clone() }
    }

    /// Those outside of collections by name; the first of a name counts.
    pub(crate) fn outside(&self) -> BTreeMap<String, PathBuf> {
        let mut found = BTreeMap::new();
        for folder in &self.folders {
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
                let Some(stem) = path.file_stem().and_then(std::ffi::OsStr::to_str) else { continue };
                if path.extension().is_some_and(|ending| ending == "py") && stem != "__init__" {
                    found.entry(stem.to_owned()).or_insert(path);
                }
            }
        }
        found
    }

    /// The plugin of a name.
    pub(crate) fn find(&self, name: &str) -> Option<PluginFile> {
        let short = name.strip_prefix("ansible.legacy.").unwrap_or(name);
        if !short.contains('.') {
            return self.outside().remove(short).map(|file| self.plugin(short, file, None));
        }
        let located = self.collections.find(self.kind, name);
        let collection = located.collection().to_owned();
        located.file.filter(|file| is_python(file)).map(|file| self.plugin(&located.name, file, Some(collection)))
    }

    /// A plugin's file, as workers are told of it.
    pub(crate) fn plugin(&self, name: &str, file: PathBuf, collection: Option<String>) -> PluginFile {
        PluginFile { kind: self.kind.name(), name: name.to_owned(), file, collection }
    }

    /// Those beside the one that shows the run: all outside of collections, and the enabled ones that `native` does not
    /// take.
    pub(crate) fn others(&self, stdout: &str, enabled: &[String], native: impl Fn(&str) -> bool) -> Vec<Callback> {
        let is_enabled = |name: &str| enabled.iter().any(|known| known == name);
        let mut found: Vec<Callback> = self
            .outside()
            .into_iter()
            .filter(|(name, _)| name != stdout)
            .map(|(name, file)| Callback { enabled: is_enabled(&name), file: self.plugin(&name, file, None) })
            .collect();
        for name in enabled {
            if found.iter().any(|known| known.file.name == *name) || native(name) {
                continue;
            }
            found.extend(self.find(name).map(|file| Callback { file, enabled: true }));
        }
        found
    }
}

fn is_python(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "py")
}
