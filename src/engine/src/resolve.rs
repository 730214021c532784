//! What reading playbooks needs to know: names of modules and actions, templates before any host is known, files.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rplay_collection::{Collections, Kind};
use rplay_diag::{Diagnose, Diagnostic};
use rplay_library::Library;
use rplay_playbook::Resolve;
use rplay_python::Python;
use rplay_template::{Engine, PluginKind, Rendered, Scope, Slot, Surroundings, Variables};
use rplay_value::{Map, Text, Value};

use crate::action::{actions, find_action};
use crate::python_files::{PythonFiles, PythonPlugin};

/// The full name of a module that ansible-core sent to a collection, by its short name.
pub fn moved_to(name: &str) -> Option<&'static str> {
    rplay_collection::moved(Kind::Module, name)
}

/// Whether the controller has an action of that name, beside or in place of a module.
pub fn is_action(name: &str) -> bool {
    find_action(name).is_some()
}

/// Resolves names against the native modules, actions and lookups.
pub struct Resolver {
    engine: Engine,
    extra_vars: Map,
    strict: bool,
    library: Arc<Library>,
    /// Short names that must not run (`module_rejectlist`).
    rejected: HashSet<String>,
    collections: Collections,
    /// What to warn of when an action is used that a task calls by this name.
    deprecated: Mutex<HashMap<String, Vec<String>>>,
    any_deprecated: AtomicBool,
    defaulted: Mutex<HashMap<String, Defaulted>>,
    /// Runs plugins in Python.
    python: Option<Python>,
    python_actions: PythonFiles,
    python_connections: PythonFiles,
    python_strategies: PythonFiles,
}

/// What a key of `module_defaults` stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Defaulted {
    /// One action, by its canonical name.
    Action(Arc<str>),
    /// Every action of a group.
    Group {
        /// Its full name.
        name: Arc<str>,
        /// Canonical names.
        members: Arc<HashSet<Arc<str>>>,
    },
}

/// Layers, weakest first, below the command line's variables.
struct Layers {
    extra: Map,
    layers: Vec<Map>,
}

impl Variables for Layers {
    fn get(&self, name: &str) -> Option<Slot> {
        let value = self.extra.get(name).or_else(|| self.layers.iter().rev().find_map(|layer| layer.get(name)))?;
        Some(Slot::Lazy(value.clone()))
    }

    fn names(&self) -> Vec<Text> {
        self.layers.iter().chain([&self.extra]).flat_map(Map::texts).map(|(name, _)| name.clone()).collect()
    }
}

impl Resolver {
    /// A resolver over an engine. `strict`: a module that is not native is an error when the playbook is read, not when
    /// the task runs.
    pub fn new(engine: Engine, extra_vars: Map, strict: bool) -> Self {
        Self {
            engine,
            extra_vars,
            strict,
            library: Arc::default(),
            rejected: HashSet::new(),
            collections: Collections::default(),
            deprecated: Mutex::default(),
            any_deprecated: AtomicBool::new(false),
            defaulted: Mutex::default(),
            python: None,
            python_actions: PythonFiles::new(Kind::Action, "action"),
            python_connections: PythonFiles::new(Kind::Connection, "connection"),
            python_strategies: PythonFiles::new(Kind::Strategy, "strategy"),
        }
    }

    /// Modules that are not native.
    #[must_use]
    pub fn with_library(mut self, library: Arc<Library>) -> Self {
        self.library = library;
        self
    }

    /// Modules and actions that must not run, by short name.
    #[must_use]
    pub fn without(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.rejected.extend(names);
        self
    }

    /// Modules that are not native.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// Where collections are.
    #[must_use]
    pub fn with_collections(mut self, collections: Collections) -> Self {
        self.collections = collections;
        self
    }

    /// Configured folders of action plugins.
    #[must_use]
    pub fn with_action_plugins(self, folders: &[PathBuf]) -> Self {
        self.python_actions.configure(folders);
        self
    }

    /// Configured folders of connection plugins.
    #[must_use]
    pub fn with_connection_plugins(self, folders: &[PathBuf]) -> Self {
        self.python_connections.configure(folders);
        self
    }

    /// Configured folders of strategy plugins.
    #[must_use]
    pub fn with_strategy_plugins(self, folders: &[PathBuf]) -> Self {
        self.python_strategies.configure(folders);
        self
    }

    /// The strategy plugin in Python of a name.
    pub(crate) fn python_strategy(&self, name: &str) -> Option<Arc<PythonPlugin>> {
        let short = name.strip_prefix("ansible.legacy.").unwrap_or(name);
        if short.contains('.') {
            return self.python_strategies.inside(name, &self.collections);
        }
        self.python_strategies.outside(short)
    }

    /// What runs plugins in Python.
    #[must_use]
    pub fn with_python(mut self, python: Python) -> Self {
        self.python = Some(python);
        self
    }

    /// What runs plugins in Python.
    pub fn python(&self) -> Option<&Python> {
        self.python.as_ref()
    }

    /// The action plugin in Python that a resolved name means. One of the user's own hides the native action of its name;
    /// in collections, what is native is preferred.
    pub(crate) fn python_action(&self, name: &str) -> Option<Arc<PythonPlugin>> {
        let short = name.strip_prefix("ansible.legacy.").unwrap_or(name);
        if !short.contains('.') {
            return self.python_actions.outside(short);
        }
        if name.starts_with("ansible.builtin.") || Self::own(name).is_some() {
            return None;
        }
        self.python_actions.inside(name, &self.collections)
    }

    /// The file of the action plugin in Python that a resolved name means.
    pub fn python_action_file(&self, name: &str) -> Option<PathBuf> {
        self.python_action(name).map(|plugin| plugin.file.file.clone())
    }

    /// The connection plugin in Python that a name means.
    pub(crate) fn python_connection(&self, name: &str) -> Option<Arc<PythonPlugin>> {
        let short = name.strip_prefix("ansible.legacy.").unwrap_or(name);
        if !short.contains('.') {
            return self.python_connections.outside(short);
        }
        let native = ["ssh", "local", "docker", "podman", "paramiko_ssh"];
        if name.starts_with("ansible.builtin.") || native.contains(&name.rsplit('.').next().unwrap_or(name)) {
            return None;
        }
        self.python_connections.inside(name, &self.collections)
    }

    /// The collections of the run.
    pub fn collections(&self) -> &Collections {
        &self.collections
    }

    /// What to warn of when a task calls an action by this name.
    pub(crate) fn deprecations(&self, written: &str) -> Vec<String> {
        if !self.any_deprecated.load(Ordering::Relaxed) {
            return Vec::new();
        }
        self.deprecated.lock().unwrap_or_else(PoisonError::into_inner).get(written).cloned().unwrap_or_default()
    }

    /// What a key of `module_defaults` stands for. The `collections` keyword does not count there, as in Ansible.
    pub(crate) fn defaulted(&self, key: &str) -> Defaulted {
        let mut known = self.defaulted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(key) {
            return found.clone();
        }
        let canonical = |name: &str| self.action(name, &[], None).ok().flatten().unwrap_or_else(|| Arc::from(name));
        let found = match key.strip_prefix("group/") {
            // A group that is nowhere is an error when the playbook is read.
            Some(group) => self.collections.group(group).map_or_else(
                |error| Defaulted::Group { name: error.name.into(), members: Arc::default() },
                |group| Defaulted::Group {
                    name: group.name.into(),
                    members: Arc::new(group.members.iter().map(|name| canonical(name)).collect()),
                },
            ),
            None => Defaulted::Action(canonical(key)),
        };
        known.insert(key.to_owned(), found.clone());
        found
    }

    /// An action that rplay has itself, by its canonical name.
    fn own(name: &str) -> Option<Arc<str>> {
        let action = find_action(name).map(|action| {
            let traits = action.traits();
            Arc::from(format!("{}.{}", traits.collection, traits.name))
        });
        let native =
            || rplay_modules::find(name).map(|module| Arc::from(format!("{}.{}", module.collection, module.name)));
        action.or_else(native)
    }

    /// The action that a name in a collection leads to; `None` when nothing is there.
    fn in_collection(&self, written: &str, full: &str) -> Result<Option<Arc<str>>, Diagnostic> {
        let module = self.collections.find(Kind::Module, full);
        let own = Self::own(&module.name);
        let found = if module.removed.is_some() || module.file.is_some() || own.is_some() {
            module
        } else {
            // Some actions have no module; what was removed may have been one of them.
            let action = self.collections.find(Kind::Action, full);
            if action.removed.is_some() || action.file.is_some() { action } else { module }
        };
        if let Some(message) = found.removed {
            return Err(Diagnostic::error(message));
        }
        let there = own.is_some() || found.file.is_some() || found.folder.is_none() && !found.redirected.is_empty();
        if there && !found.deprecated.is_empty() {
            let mut deprecated = self.deprecated.lock().unwrap_or_else(PoisonError::into_inner);
            deprecated.insert(written.to_owned(), found.deprecated);
            self.any_deprecated.store(true, Ordering::Relaxed);
        }
        Ok(own.or_else(|| there.then(|| Arc::from(found.name))))
    }

    /// The engine that renders.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}

impl Resolve for Resolver {
    fn render(&self, text: &Text, vars: &[Map]) -> Result<Value, Diagnostic> {
        let layers = Layers { extra: self.extra_vars.clone(), layers: vars.to_vec() };
        let scope = Scope::new(Arc::new(layers), Arc::new(Surroundings::default()));
        match self.engine.render(&Value::Text(text.clone()), &scope) {
            Ok(Rendered::Value(value)) => Ok(value),
            Ok(Rendered::Omit) => Ok(Value::Null),
            Err(error) => Err(error.diagnostic()),
        }
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        let bytes = self.engine.files().read(path)?;
        String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn action(&self, name: &str, collections: &[Text], _role: Option<&Path>) -> Result<Option<Arc<str>>, Diagnostic> {
        let bare = name.strip_prefix("ansible.builtin.").or_else(|| name.strip_prefix("ansible.legacy."));
        if self.rejected.contains(bare.unwrap_or(name)) {
            return Ok(None);
        }
        if is_file_name(name) && self.library.outside(name).is_some() {
            return Ok(Some(Arc::from(name)));
        }
        if name.contains('.') {
            let core = name.starts_with("ansible.builtin.") || name.starts_with("ansible.legacy.");
            let legacy = name.strip_prefix("ansible.legacy.");
            if legacy.is_some_and(|short| self.library.outside(short).is_some() || self.python_actions.has(short)) {
                return Ok(Some(Arc::from(name)));
            }
            if let Some(own) = Self::own(name).filter(|_| core) {
                return Ok(Some(own));
            }
            if core && (self.library.inside(name).is_some() || rplay_collection::is_core_module(name)) {
                return Ok(Some(Arc::from(name)));
            }
            let found = self.in_collection(name, name)?;
            // Whether there is such a module is known when Python modules are looked for: when the task runs.
            let installed = || name.splitn(3, '.').count() == 3 && self.collections.folder(&two(name)).is_some();
            return Ok(found.or_else(|| (!self.strict && !core && !installed()).then(|| Arc::from(name))));
        }
        for collection in collections {
            if collection.as_str() == "ansible.legacy" {
                break;
            }
            if collection.as_str() == "ansible.builtin" {
                if let Some(own) = Self::own(name) {
                    return Ok(Some(own));
                }
                continue;
            }
            if let Some(found) = self.in_collection(name, &format!("{collection}.{name}"))? {
                return Ok(Some(found));
            }
        }
        let own = Self::own(name);
        if self.python_actions.has(name) || self.library.outside(name).is_some() {
            // A module of the user's own hides the one of that name; the full name still means the builtin.
            return Ok(Some(if own.is_some() { Arc::from(format!("ansible.legacy.{name}")) } else { Arc::from(name) }));
        }
        if let Some(own) = own {
            return Ok(Some(own));
        }
        // Where ansible-core is not installed, its module is missed when the task runs.
        if self.library.inside(name).is_some() || rplay_collection::is_core_module(name) {
            return Ok(Some(Arc::from(format!("ansible.builtin.{name}"))));
        }
        self.in_collection(name, &format!("ansible.builtin.{name}"))
    }

    fn lookup(&self, name: &str) -> bool {
        self.engine.has_plugin(PluginKind::Lookup, name)
    }

    fn nearest_action(&self, name: &str) -> Option<String> {
        let modules = rplay_modules::table().map(|(_, module, _)| module.name);
        let actions = actions().iter().map(|(_, action, _)| action.traits().name);
        rplay_diag::nearest(name, modules.chain(actions)).map(str::to_owned)
    }

    fn has_option(&self, action: &str, option: &str) -> Option<bool> {
        let spec = rplay_modules::find(action)?.spec;
        let known = spec.args.iter().any(|arg| arg.name == option || arg.aliases.contains(&option));
        Some(known || spec.open || spec.file)
    }

    fn entered(&self, folder: &Path) {
        self.engine.add_folder(folder);
        self.library.enter(folder);
        self.python_actions.enter(folder);
        self.python_connections.enter(folder);
        self.python_strategies.enter(folder);
    }
}

/// Whether a name is that of a module's file (`mine.py`): it names no collection.
pub(crate) fn is_file_name(name: &str) -> bool {
    name.bytes().filter(|byte| *byte == b'.').count() == 1
}

/// The collection of a full name.
fn two(full: &str) -> String {
    full.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
}
