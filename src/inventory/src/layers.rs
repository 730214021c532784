//! Variables of hosts and groups: from the sources, and from `group_vars/` and `host_vars/` beside them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rplay_diag::{Diagnostic, Sources};
use rplay_value::{Map, Value};

use crate::inventory::{ALL, GroupId, Inventory};
use crate::{Files, InventoryError, VarsPlugins};

/// Where a layer of variables comes from, weakest first: the order Ansible gives them by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Written for `all` in an inventory source.
    SourceAll,
    /// Written for another group in an inventory source.
    SourceGroup,
    /// `group_vars/all` beside an inventory source.
    InventoryGroupVarsAll,
    /// `group_vars/all` beside the playbook.
    PlaybookGroupVarsAll,
    /// Another `group_vars` file beside an inventory source.
    InventoryGroupVars,
    /// Another `group_vars` file beside the playbook.
    PlaybookGroupVars,
    /// Written for the host in an inventory source, or given by `add_host`.
    SourceHost,
    /// `host_vars` beside an inventory source.
    InventoryHostVars,
    /// `host_vars` beside the playbook.
    PlaybookHostVars,
}

/// Variables written in one place.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Which kind of place.
    pub level: Level,
    /// The group or host they were written for.
    pub entity: Arc<str>,
    /// The file, for `group_vars` and `host_vars`.
    pub file: Option<Arc<Path>>,
    /// The variables, shared.
    pub vars: Map,
}

/// Files by the name of the group or host they are for.
type Found = HashMap<String, Vec<PathBuf>>;

/// A folder that may hold `group_vars/` and `host_vars/`.
#[derive(Clone, Debug)]
struct Folder {
    path: PathBuf,
    groups: Arc<Found>,
    hosts: Arc<Found>,
}

/// All such folders, and what has been read from them.
#[derive(Clone, Debug, Default)]
pub(crate) struct VarsFolders {
    inventory: Vec<Folder>,
    playbook: Vec<Folder>,
    read: Arc<Mutex<HashMap<PathBuf, Map>>>,
    /// What is to be said about the files read so far.
    said: Arc<Mutex<Vec<Diagnostic>>>,
    /// What has variables besides files.
    pub(crate) plugins: Option<Arc<dyn VarsPlugins>>,
    asked: Arc<Mutex<HashMap<Asked, [Map; 2]>>>,
}

/// A question to plugins: the folder, whether it is about a group, and the name.
type Asked = (PathBuf, bool, Arc<str>);

impl VarsFolders {
    pub(crate) fn take_warnings(&self) -> Vec<Diagnostic> {
        std::mem::take(&mut *self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// What plugins have, asked once.
    fn asked(
        &self,
        plugins: &Arc<dyn VarsPlugins>,
        folder: &Path,
        of_group: bool,
        entity: &Arc<str>,
    ) -> Result<[Map; 2], InventoryError> {
        let key = (folder.to_owned(), of_group, Arc::clone(entity));
        let known = |table: &Mutex<HashMap<Asked, [Map; 2]>>| {
            table.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(&key).cloned()
        };
        if let Some(vars) = known(&self.asked) {
            return Ok(vars);
        }
        let vars = plugins.vars(folder, of_group, entity).map_err(|error| InventoryError::Document(Box::new(error)))?;
        self.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(key, vars.clone());
        Ok(vars)
    }

    pub(crate) fn add_inventory(&mut self, folder: &Path) {
        if !self.inventory.iter().any(|f| f.path == folder) {
            self.inventory.push(Folder::scan(folder));
        }
    }

    pub(crate) fn add_playbook(&mut self, folder: &Path) {
        if !self.playbook.iter().any(|f| f.path == folder) {
            self.playbook.push(Folder::scan(folder));
        }
    }
}

const EXTENSIONS: [&str; 3] = ["yml", "yaml", "json"];

impl Folder {
    fn scan(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            groups: Arc::new(scan(&path.join("group_vars"))),
            hosts: Arc::new(scan(&path.join("host_vars"))),
        }
    }
}

/// What a `group_vars` or `host_vars` folder holds, by name. For each name the entry without extension is taken, else
/// the `.yml`, `.yaml` or `.json` file; a folder means all files in it.
fn scan(folder: &Path) -> Found {
    let mut best: HashMap<String, (usize, PathBuf)> = HashMap::new();
    let Ok(entries) = fs_err::read_dir(folder) else { return Found::new() };
    for entry in entries.filter_map(Result::ok) {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let mut offer = |stem: &str, rank: usize| {
            let slot = best.entry(stem.to_owned()).or_insert_with(|| (usize::MAX, PathBuf::new()));
            if rank < slot.0 {
                *slot = (rank, entry.path());
            }
        };
        offer(&name, 0);
        if let Some((stem, extension)) = name.rsplit_once('.')
            && let Some(rank) = EXTENSIONS.iter().position(|e| *e == extension)
        {
            offer(stem, rank + 1);
        }
    }
    best.into_iter()
        .map(|(name, (_, path))| {
            let mut files = Vec::new();
            if path.is_dir() {
                collect(&path, &mut files);
            } else {
                files.push(path);
            }
            (name, files)
        })
        .collect()
}

/// The variable files of a folder, sorted by name, folders in their place. Hidden files, backups and other
/// extensions are left out.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs_err::read_dir(folder) else { return };
    let mut names: Vec<String> =
        entries.filter_map(Result::ok).filter_map(|e| e.file_name().into_string().ok()).collect();
    names.sort();
    for name in names.into_iter().filter(|name| !name.starts_with('.') && !name.ends_with('~')) {
        let path = folder.join(&name);
        let extension = path.extension().and_then(|e| e.to_str());
        if path.is_dir() {
            if extension.is_none() {
                collect(&path, files);
            }
        } else if extension.is_none_or(|e| EXTENSIONS.contains(&e)) {
            files.push(path);
        }
    }
}

/// Reads files of variables: what [`Inventory::layers`] needs from its caller.
fn read_vars(
    files: &dyn Files,
    sources: &Sources,
    path: &Path,
    said: &Mutex<Vec<Diagnostic>>,
) -> Result<Map, InventoryError> {
    let text = files.read(path).map_err(|source| InventoryError::Io { path: path.to_owned(), source })?;
    let (value, warnings) = crate::sources::yaml::document(sources, path, text)?;
    said.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(warnings);
    match value {
        Value::Null => Ok(Map::new()),
        Value::Map(map) => Ok(map),
        other => {
            let message = format!("{} must hold a mapping of variables", path.display());
            Err(InventoryError::syntax(message, other.origin()))
        }
    }
}

impl Inventory {
    /// The layers of variables of a host, weakest first. Those of its groups are shared by all hosts of the same
    /// groups. Files are read when they are first needed, once. The name may be that of the undeclared controller.
    pub fn layers(&self, host: &str, files: &dyn Files, sources: &Sources) -> Result<HostLayers, InventoryError> {
        let implicit;
        let host = if let Some(host) = self.host(host) {
            host
        } else {
            implicit = Self::implicit_localhost(host);
            &implicit
        };
        let groups = self.groups_of(host);
        let cached = self.shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(&groups).cloned();
        let shared = if let Some(shared) = cached {
            shared
        } else {
            let layers: Arc<[Layer]> = self.group_layers(&groups, files, sources)?.into();
            let mut cache = self.shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            cache.insert(groups, Arc::clone(&layers));
            layers
        };
        let mut own = Vec::new();
        let mut add = |level, vars: &Map| {
            if !vars.is_empty() {
                own.push(Layer { level, entity: Arc::clone(&host.name), file: None, vars: vars.clone() });
            }
        };
        add(Level::SourceHost, &host.source);
        add(Level::SourceHost, &host.vars);
        if !host.name.starts_with('/') {
            self.file_layers(
                &self.folders.inventory,
                false,
                &host.name,
                Level::InventoryHostVars,
                files,
                sources,
                &mut own,
            )?;
            self.file_layers(
                &self.folders.playbook,
                false,
                &host.name,
                Level::PlaybookHostVars,
                files,
                sources,
                &mut own,
            )?;
        }
        Ok(HostLayers { groups: shared, own })
    }

    fn group_layers(
        &self,
        groups: &[GroupId],
        files: &dyn Files,
        sources: &Sources,
    ) -> Result<Vec<Layer>, InventoryError> {
        let mut out = Vec::new();
        for id in std::iter::once(ALL).chain(groups.iter().copied()) {
            let group = self.g(id);
            if !group.vars.is_empty() {
                let level = if id == ALL { Level::SourceAll } else { Level::SourceGroup };
                out.push(Layer { level, entity: Arc::clone(&group.name), file: None, vars: group.vars.clone() });
            }
        }
        let all = "all".into();
        self.file_layers(&self.folders.inventory, true, &all, Level::InventoryGroupVarsAll, files, sources, &mut out)?;
        self.file_layers(&self.folders.playbook, true, &all, Level::PlaybookGroupVarsAll, files, sources, &mut out)?;
        for (folders, level) in
            [(&self.folders.inventory, Level::InventoryGroupVars), (&self.folders.playbook, Level::PlaybookGroupVars)]
        {
            for folder in folders {
                for group in groups {
                    let name = &self.g(*group).name;
                    self.file_layers(std::slice::from_ref(folder), true, name, level, files, sources, &mut out)?;
                }
            }
        }
        Ok(out)
    }

    #[expect(clippy::too_many_arguments, reason = "one private loop, each argument a different axis")]
    fn file_layers(
        &self,
        folders: &[Folder],
        of_group: bool,
        entity: &Arc<str>,
        level: Level,
        files: &dyn Files,
        sources: &Sources,
        out: &mut Vec<Layer>,
    ) -> Result<(), InventoryError> {
        for folder in folders {
            let [beneath, over] = match &self.folders.plugins {
                Some(plugins) => self.folders.asked(plugins, &folder.path, of_group, entity)?,
                None => Default::default(),
            };
            let push = |vars: Map, out: &mut Vec<Layer>| {
                if !vars.is_empty() {
                    out.push(Layer { level, entity: Arc::clone(entity), file: None, vars });
                }
            };
            push(beneath, out);
            let found = if of_group { &folder.groups } else { &folder.hosts };
            for path in found.get(&**entity).into_iter().flatten() {
                let known =
                    self.folders.read.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(path).cloned();
                let vars = if let Some(vars) = known {
                    vars
                } else {
                    let vars = read_vars(files, sources, path, &self.folders.said)?;
                    let mut read = self.folders.read.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    read.insert(path.clone(), vars.clone());
                    vars
                };
                if !vars.is_empty() {
                    out.push(Layer { level, entity: Arc::clone(entity), file: Some(path.as_path().into()), vars });
                }
            }
            push(over, out);
        }
        Ok(())
    }

    /// The layers of one group, weakest first: of the sources, then of `group_vars` files.
    pub fn layers_of_group(
        &self,
        group: &str,
        files: &dyn Files,
        sources: &Sources,
    ) -> Result<Vec<Layer>, InventoryError> {
        let mut out = Vec::new();
        let Some(found) = self.group(group) else { return Ok(out) };
        let levels = if group == "all" {
            [Level::SourceAll, Level::InventoryGroupVarsAll, Level::PlaybookGroupVarsAll]
        } else {
            [Level::SourceGroup, Level::InventoryGroupVars, Level::PlaybookGroupVars]
        };
        if !found.vars.is_empty() {
            out.push(Layer { level: levels[0], entity: Arc::clone(&found.name), file: None, vars: found.vars.clone() });
        }
        self.file_layers(&self.folders.inventory, true, &found.name, levels[1], files, sources, &mut out)?;
        self.file_layers(&self.folders.playbook, true, &found.name, levels[2], files, sources, &mut out)?;
        Ok(out)
    }
}

/// The layers of one host.
#[derive(Clone, Debug)]
pub struct HostLayers {
    /// Those of its groups, weakest first.
    pub groups: Arc<[Layer]>,
    /// Its own, stronger than all of those, weakest first.
    pub own: Vec<Layer>,
}

impl HostLayers {
    /// All layers, weakest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Layer> {
        self.groups.iter().chain(&self.own)
    }

    /// The strongest value of a variable.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.iter().rev().find_map(|layer| layer.vars.get(name))
    }

    /// All variables in one mapping, for showing.
    pub fn merged(&self) -> Map {
        let mut out = Map::new();
        for layer in self.iter() {
            out.extend(layer.vars.iter().map(|(k, v)| (k.clone(), v.clone())));
        }
        out
    }
}

/// A warning about a `group_vars` or `host_vars` that is no folder, as Ansible words it.
pub(crate) fn not_a_folder(folder: &Path) -> Option<Diagnostic> {
    ["group_vars", "host_vars"].into_iter().find_map(|name| {
        let path = folder.join(name);
        (path.exists() && !path.is_dir())
            .then(|| Diagnostic::warning(format!("Found {name} that is not a directory, skipping: {}", path.display())))
    })
}
