//! Callbacks in Python: which ones a run has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rplay_collection::{Collections, Kind};
use rplay_output::Callback;
use rplay_python::PluginFile;

use crate::settings::Settings;

/// Where callbacks are looked for.
pub(crate) struct Places<'a> {
    /// The playbooks' folders.
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) settings: &'a Settings,
    pub(crate) collections: &'a Collections,
}

impl Places<'_> {
    /// Those outside of collections by name; the first of a name counts.
    fn outside(&self) -> BTreeMap<String, PathBuf> {
        let own = self.folders.iter().map(|folder| folder.join(Kind::Callback.folder()));
        let mut found = BTreeMap::new();
        for folder in own.chain(self.settings.paths("DEFAULT_CALLBACK_PLUGIN_PATH")) {
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

    /// The callback of a name.
    pub(crate) fn find(&self, name: &str) -> Option<PluginFile> {
        let short = name.strip_prefix("ansible.legacy.").unwrap_or(name);
        if !short.contains('.') {
            return self.outside().remove(short).map(|file| plugin(short, file, None));
        }
        let located = self.collections.find(Kind::Callback, name);
        let collection = located.collection().to_owned();
        located.file.filter(|file| is_python(file)).map(|file| plugin(&located.name, file, Some(collection)))
    }

    /// Those beside the one that shows the run: all outside of collections, and the enabled ones that `native` does not
    /// take.
    pub(crate) fn others(&self, stdout: &str, enabled: &[String], native: impl Fn(&str) -> bool) -> Vec<Callback> {
        let is_enabled = |name: &str| enabled.iter().any(|known| known == name);
        let mut found: Vec<Callback> = self
            .outside()
            .into_iter()
            .filter(|(name, _)| name != stdout)
            .map(|(name, file)| Callback { enabled: is_enabled(&name), file: plugin(&name, file, None) })
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

fn plugin(name: &str, file: PathBuf, collection: Option<String>) -> PluginFile {
    PluginFile { kind: "callback", name: name.to_owned(), file, collection }
}
