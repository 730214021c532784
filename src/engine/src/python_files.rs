//! Plugins in Python by name: beside playbooks, in roles, in configured folders, in collections.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rplay_collection::{Collections, Kind};
use rplay_python::PluginFile;

/// A plugin in Python, and what its text says of it.
#[derive(Debug)]
pub(crate) struct PythonPlugin {
    pub(crate) file: PluginFile,
    /// An action that runs once for all hosts (`BYPASS_HOST_LOOP`).
    pub(crate) once: bool,
    /// An action that takes a free form (`supports_raw_params`).
    pub(crate) free_form: bool,
}

/// The plugins of one kind.
pub(crate) struct PythonFiles {
    kind: Kind,
    name: &'static str,
    /// Whether there is any outside of collections: most runs have none, and must not look twice.
    any: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    entered: Vec<PathBuf>,
    /// Those of entered folders, the first one of a name counts.
    own: HashMap<String, PathBuf>,
    /// Those of configured folders.
    configured: HashMap<String, PathBuf>,
    found: HashMap<String, Option<Arc<PythonPlugin>>>,
}

impl PythonFiles {
    /// Those of a kind: `name` is what Python calls it.
    pub(crate) fn new(kind: Kind, name: &'static str) -> Self {
        Self { kind, name, any: AtomicBool::new(false), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Folders from the settings: these come last.
    pub(crate) fn configure(&self, folders: &[PathBuf]) {
        let mut state = self.state();
        for folder in folders {
            list(folder, self.kind, &mut state.configured);
        }
        self.note(&state);
    }

    /// A playbook's or role's folder.
    pub(crate) fn enter(&self, folder: &Path) {
        let folder = folder.join(self.kind.folder());
        let mut state = self.state();
        if state.entered.contains(&folder) {
            return;
        }
        list(&folder, self.kind, &mut state.own);
        state.entered.push(folder);
        state.found.retain(|_, found| found.is_some());
        self.note(&state);
    }

    fn note(&self, state: &State) {
        self.any.store(!(state.own.is_empty() && state.configured.is_empty()), Ordering::Relaxed);
    }

    /// Whether there is one of this short name outside of collections.
    pub(crate) fn has(&self, short: &str) -> bool {
        self.any.load(Ordering::Relaxed) && {
            let state = self.state();
            state.own.contains_key(short) || state.configured.contains_key(short)
        }
    }

    /// The plugin of a short name, outside of collections.
    pub(crate) fn outside(&self, short: &str) -> Option<Arc<PythonPlugin>> {
        if !self.has(short) {
            return None;
        }
        let mut state = self.state();
        if let Some(known) = state.found.get(short) {
            return known.clone();
        }
        let file = state.own.get(short).or_else(|| state.configured.get(short))?.clone();
        let plugin = Arc::new(self.plugin(short, file, None));
        state.found.insert(short.to_owned(), Some(Arc::clone(&plugin)));
        Some(plugin)
    }

    /// The plugin of a full name in a collection.
    pub(crate) fn inside(&self, full: &str, collections: &Collections) -> Option<Arc<PythonPlugin>> {
        if let Some(known) = self.state().found.get(full) {
            return known.clone();
        }
        let located = collections.find(self.kind, full);
        let located = match collections.find(Kind::Module, full).action_plugin {
            Some(other) if self.kind == Kind::Action => collections.find(self.kind, &other),
            _ => located,
        };
        let collection = located.collection().to_owned();
        let plugin = located.file.filter(|file| file.extension().is_some_and(|ending| ending == "py"));
        let plugin = plugin.map(|file| Arc::new(self.plugin(&located.name, file, Some(collection))));
        self.state().found.insert(full.to_owned(), plugin.clone());
        plugin
    }

    fn plugin(&self, name: &str, file: PathBuf, collection: Option<String>) -> PythonPlugin {
        let text = fs_err::read_to_string(&file).unwrap_or_default();
        let says = |what: &str| {
            text.lines().any(|line| {
                line.trim_start()
                    .strip_prefix(what)
                    .is_some_and(|rest| rest.trim_start_matches([' ', '=']).starts_with("True"))
            })
        };
        PythonPlugin {
            once: says("BYPASS_HOST_LOOP"),
            free_form: says("supports_raw_params"),
            file: PluginFile { kind: self.name, name: name.to_owned(), file, collection },
        }
    }
}

/// Actions that many playbooks bring along and that are native here: what their files are told by.
const WELL_KNOWN: [(&str, &str); 3] = [
    ("config_template", "class ConfigTemplateParser("),
    ("merge_configs", "class OverrideConfigParser("),
    ("merge_yaml", "def update_nested_conf("),
];

/// Whether a file is the one that a native action was made after: then that one is used, which is faster.
fn is_native(kind: Kind, stem: &str, path: &Path) -> bool {
    let mark = WELL_KNOWN.iter().find(|(name, _)| kind == Kind::Action && *name == stem);
    mark.is_some_and(|(_, mark)| fs_err::read_to_string(path).is_ok_and(|text| text.contains(mark)))
}

/// The Python files of a folder by what they are called.
fn list(folder: &Path, kind: Kind, names: &mut HashMap<String, PathBuf>) {
    let Ok(entries) = fs_err::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let Some(stem) = path.file_stem().and_then(std::ffi::OsStr::to_str) else { continue };
        let python = path.extension().is_some_and(|ending| ending == "py") && stem != "__init__";
        if python && !names.contains_key(stem) && !is_native(kind, stem, &path) {
            names.entry(stem.to_owned()).or_insert(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_native_is_not_run_in_python_unless_it_is_something_else() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("action_plugins");
        fs_err::create_dir(&folder).unwrap();
        fs_err::write(folder.join("merge_configs.py"), "class OverrideConfigParser(iniparser.BaseParser):\n").unwrap();
        fs_err::write(folder.join("config_template.py"), "class ActionModule(ActionBase):\n").unwrap();
        let files = PythonFiles::new(Kind::Action, "action");
        files.enter(temp.path());
        assert!(!files.has("merge_configs") && files.has("config_template"));
    }

    #[test]
    fn own_plugins_come_before_configured_ones_and_say_what_they_are() {
        let temp = tempfile::tempdir().unwrap();
        let (own, configured) = (temp.path().join("action_plugins"), temp.path().join("configured"));
        for folder in [&own, &configured] {
            fs_err::create_dir(folder).unwrap();
        }
        fs_err::write(own.join("a.py"), "class ActionModule:\n    BYPASS_HOST_LOOP = True\n").unwrap();
        fs_err::write(configured.join("a.py"), "").unwrap();
        fs_err::write(configured.join("b.py"), "    supports_raw_params=True\n").unwrap();
        let files = PythonFiles::new(Kind::Action, "action");
        assert!(!files.has("a"));
        files.configure(std::slice::from_ref(&configured));
        files.enter(temp.path());
        let a = files.outside("a").unwrap();
        assert_eq!((a.file.file.clone(), a.once, a.free_form), (own.join("a.py"), true, false));
        assert!(files.outside("b").is_some_and(|b| b.free_form && !b.once));
        assert!(files.outside("c").is_none());
    }
}
