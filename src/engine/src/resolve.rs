//! What reading playbooks needs to know: names of modules and actions, templates before any host is known, files.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use rplay_diag::{Diagnose, Diagnostic};
use rplay_playbook::Resolve;
use rplay_template::{Engine, PluginKind, Rendered, Scope, Slot, Surroundings, Variables};
use rplay_value::{Map, Text, Value};

use crate::action::{actions, find_action};

/// Short names that ansible-core sends to a collection, with the full names: `name full.name` lines.
static MOVED: LazyLock<HashMap<&str, &str>> =
    LazyLock::new(|| include_str!("moved.txt").lines().filter_map(|line| line.split_once(' ')).collect());

/// The full name of a module that ansible-core sent to a collection, by its short name.
pub fn moved_to(name: &str) -> Option<&'static str> {
    MOVED.get(name.strip_prefix("ansible.builtin.").unwrap_or(name)).copied()
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
    libraries: Vec<PathBuf>,
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
        Self { engine, extra_vars, strict, libraries: Vec::new() }
    }

    /// Folders of modules beside playbooks (`library`): what they hold is known by name when a playbook is read.
    #[must_use]
    pub fn with_libraries(mut self, folders: Vec<PathBuf>) -> Self {
        self.libraries = folders;
        self
    }

    /// Whether a library of the run or of the role holds this module.
    fn in_library(&self, name: &str, role: Option<&Path>) -> bool {
        let own = role.map(|role| role.join("library"));
        let mut folders = self.libraries.iter().chain(&own);
        !name.contains('/')
            && folders.any(|folder| folder.join(format!("{name}.py")).is_file() || folder.join(name).is_file())
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

    fn action(&self, name: &str, collections: &[Text], role: Option<&Path>) -> Option<Arc<str>> {
        if let Some(action) = find_action(name) {
            let traits = action.traits();
            return Some(Arc::from(format!("{}.{}", traits.collection, traits.name)));
        }
        let native = |name: &str| {
            rplay_modules::find(name).map(|module| Arc::from(format!("{}.{}", module.collection, module.name)))
        };
        native(name)
            .or_else(|| collections.iter().find_map(|collection| native(&format!("{collection}.{name}"))))
            .or_else(|| MOVED.get(name.strip_prefix("ansible.builtin.").unwrap_or(name)).map(|full| Arc::from(*full)))
            .or_else(|| self.in_library(name, role).then(|| Arc::from(name)))
            // Whether there is such a module is known when Python modules are looked for: when the task runs.
            .or_else(|| (!self.strict && name.contains('.')).then(|| Arc::from(name)))
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
    }
}
