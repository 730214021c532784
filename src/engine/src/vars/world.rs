//! What all variables of a run stand on: the inventory, and what was learnt about each host.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rplay_diag::Diagnostic;
use rplay_inventory::{Files, Inventory, InventoryError};
use rplay_value::{List, Map, Value};

use crate::RunOptions;
use crate::vars::cache::FactCache;
use crate::vars::facts;

/// What was learnt about a host so far. Cloning shares.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostFacts {
    /// As modules returned them.
    pub(crate) raw: Map,
    /// `ansible_facts`.
    pub(crate) namespaced: Map,
    /// Those that are variables of their own.
    pub(crate) injected: Map,
    /// `include_vars`.
    pub(crate) included: Map,
    /// `set_fact` and registered results.
    pub(crate) set: Map,
}

/// The fact that says that facts were gathered: as ansible-core names it, in its caches too.
pub(crate) const GATHERED: &str = "_ansible_facts_gathered";

impl HostFacts {
    fn add(&mut self, new: &Map, inject: bool) {
        facts::merge(&mut self.raw, new);
        facts::merge(&mut self.namespaced, &facts::namespaced(new));
        if inject {
            facts::merge(&mut self.injected, &facts::injected(new));
        } else if let Some(local) = new.get("ansible_local") {
            self.injected.insert("ansible_local", local.clone());
        }
    }
}

#[derive(Default)]
struct Hosts {
    facts: HashMap<Arc<str>, HostFacts>,
    /// Layers of the inventory and of files beside it and the playbook, until either changes.
    layers: HashMap<Arc<str>, Arc<[Map]>>,
    groups: Option<Map>,
}

/// What tasks added to the inventory: done again when its sources are read anew.
enum Added {
    Host { name: String, groups: Vec<String>, vars: Map },
    Group { host: Arc<str>, name: String, parents: Vec<String> },
}

impl Added {
    fn apply(&self, inventory: &mut Inventory) -> Result<bool, InventoryError> {
        fn words(list: &[String]) -> Vec<&str> {
            list.iter().map(String::as_str).collect()
        }
        match self {
            Self::Host { name, groups, vars } => Ok(inventory.add_dynamic_host(name, &words(groups), vars)),
            Self::Group { host, name, parents } => inventory.add_dynamic_group(host, name, &words(parents)),
        }
    }
}

/// The inventory and the facts of a run.
pub(crate) struct World {
    options: Arc<RunOptions>,
    inventory: RwLock<Arc<Inventory>>,
    added: Mutex<Vec<Added>>,
    files: Arc<dyn Files>,
    playbook_dir: RwLock<Arc<Path>>,
    hosts: RwLock<Hosts>,
    cache: FactCache,
}

impl World {
    pub(crate) fn new(options: Arc<RunOptions>, inventory: Inventory, files: Arc<dyn Files>) -> Self {
        let cache = FactCache::open(&options.fact_caching);
        if options.flush_cache && cache.persists() {
            cache.delete("localhost");
            inventory.hosts().for_each(|host| cache.delete(&host.name));
        }
        Self {
            options,
            inventory: RwLock::new(Arc::new(inventory)),
            added: Mutex::default(),
            files,
            playbook_dir: RwLock::new(Arc::from(Path::new("."))),
            hosts: RwLock::default(),
            cache,
        }
    }

    /// What the fact cache has to say since the last call.
    pub(crate) fn take_warnings(&self) -> Vec<Diagnostic> {
        self.cache.take_warnings()
    }

    pub(crate) fn options(&self) -> &RunOptions {
        &self.options
    }

    pub(crate) fn inventory(&self) -> Arc<Inventory> {
        Arc::clone(&self.inventory.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// `add_host`. Says whether the inventory changed.
    pub(crate) fn add_host(&self, name: &str, groups: &[String], vars: &Map) -> bool {
        let added = Added::Host { name: name.to_owned(), groups: groups.to_vec(), vars: vars.clone() };
        self.add(added).unwrap_or(false)
    }

    /// `group_by`. Says whether the inventory changed.
    pub(crate) fn add_group(&self, host: &Arc<str>, name: &str, parents: &[String]) -> Result<bool, InventoryError> {
        self.add(Added::Group { host: Arc::clone(host), name: name.to_owned(), parents: parents.to_vec() })
    }

    fn add(&self, added: Added) -> Result<bool, InventoryError> {
        let changed = self.change_inventory(|inventory| added.apply(inventory))?;
        self.added.lock().unwrap_or_else(PoisonError::into_inner).push(added);
        Ok(changed)
    }

    /// Reads the sources of the inventory anew, and adds again what tasks have added. What could not be read is told in
    /// the warnings; when that leaves nothing, the inventory stays as it was and this is an error.
    pub(crate) fn refresh_inventory(&self) -> Result<Vec<Diagnostic>, Diagnostic> {
        let mut loader = rplay_inventory::Loader::new(&self.options.sources, &*self.files);
        loader.settings = self.options.inventory_settings.clone();
        loader.settings.merge_hashes = self.options.merge_hashes;
        if let Some(reading) = &self.options.inventory_reading {
            loader.templates = Some(&*reading.templates);
            loader.plugins = Some(&*reading.plugins);
        }
        let (mut fresh, failed) = loader.load(&self.options.inventory_sources);
        if let Some(attempt) = failed.first().filter(|_| fresh.hosts().len() == 0) {
            return Err(attempt.diagnostic());
        }
        let mut warnings: Vec<Diagnostic> = failed.iter().map(rplay_inventory::Attempt::diagnostic).collect();
        fresh.add_playbook_folder(&self.playbook_dir());
        for added in self.added.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if let Err(error) = added.apply(&mut fresh) {
                warnings.push(rplay_diag::Diagnose::diagnostic(&error));
            }
        }
        warnings.extend(fresh.take_warnings());
        self.change_inventory(|inventory| *inventory = fresh);
        Ok(warnings)
    }

    /// Changes the inventory.
    fn change_inventory<T>(&self, change: impl FnOnce(&mut Inventory) -> T) -> T {
        let result = change(Arc::make_mut(&mut self.inventory.write().unwrap_or_else(PoisonError::into_inner)));
        let mut hosts = self.write();
        hosts.layers.clear();
        hosts.groups = None;
        result
    }

    pub(crate) fn playbook_dir(&self) -> Arc<Path> {
        Arc::clone(&self.playbook_dir.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Another playbook begins: files beside it count from now on.
    pub(crate) fn set_playbook_dir(&self, folder: PathBuf) {
        let mut current = self.playbook_dir.write().unwrap_or_else(PoisonError::into_inner);
        if **current != *folder {
            self.change_inventory(|inventory| inventory.add_playbook_folder(&folder));
            *current = Arc::from(folder);
        }
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Hosts> {
        self.hosts.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Hosts> {
        self.hosts.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn facts(&self, host: &str) -> HostFacts {
        if let Some(known) = self.read().facts.get(host) {
            return known.clone();
        }
        if !self.cache.persists() {
            return HostFacts::default();
        }
        let host: Arc<str> = Arc::from(host);
        self.change(&host, |facts| facts.clone())
    }

    /// Reads cached facts of a host, so that what is wrong with them is said before its tasks run.
    pub(crate) fn load_facts(&self, host: &Arc<str>) {
        if self.cache.persists() && !self.read().facts.contains_key(host) {
            self.change(host, |_| ());
        }
    }

    /// Whether the host's facts were gathered, in this run or in one whose facts are cached.
    pub(crate) fn gathered(&self, host: &str) -> bool {
        self.facts(host).raw.get(GATHERED).is_some_and(Value::is_true)
    }

    /// Changes what is known about a host, on top of what is cached.
    fn change<T>(&self, host: &Arc<str>, change: impl FnOnce(&mut HostFacts) -> T) -> T {
        let mut hosts = self.write();
        let entry = hosts.facts.entry(Arc::clone(host)).or_insert_with(|| {
            let mut facts = HostFacts::default();
            if let Some(cached) = self.cache.load(host) {
                facts.add(&cached, self.options.inject_facts);
            }
            facts
        });
        change(entry)
    }

    /// Adds facts of a module.
    pub(crate) fn add_facts(&self, host: &Arc<str>, new: &Map, gathered: bool) {
        let inject = self.options.inject_facts;
        let all = self.change(host, |facts| {
            facts.add(new, inject);
            if gathered {
                facts.raw.insert(GATHERED, true);
                facts.namespaced.insert(GATHERED, true);
            }
            facts.raw.clone()
        });
        self.cache.save(host, &all);
    }

    /// Adds variables of `set_fact` or a registered result.
    pub(crate) fn set(&self, host: &Arc<str>, new: &Map) {
        self.change(host, |host| facts::merge(&mut host.set, new));
    }

    /// Adds one registered result.
    pub(crate) fn register(&self, host: &Arc<str>, name: &str, value: Value) {
        self.change(host, |host| {
            host.set.insert(name, value);
        });
    }

    /// Adds variables of `include_vars`.
    pub(crate) fn include_vars(&self, host: &Arc<str>, new: &Map) {
        let recursive = self.options.merge_hashes;
        self.change(host, |host| {
            for (name, value) in new {
                facts::combine(&mut host.included, name, value, recursive);
            }
        });
    }

    /// Forgets gathered facts, cached ones too (`meta: clear_facts`).
    pub(crate) fn clear_facts(&self, host: &Arc<str>) {
        self.cache.delete(host);
        self.change(host, |host| {
            host.raw = Map::new();
            host.namespaced = Map::new();
            host.injected = Map::new();
        });
    }

    /// Layers of inventory variables of a host, strongest first. A host that nobody declared has none, unless it is the
    /// controller.
    pub(crate) fn host_layers(&self, host: &Arc<str>) -> Result<Arc<[Map]>, InventoryError> {
        if let Some(layers) = self.read().layers.get(host) {
            return Ok(Arc::clone(layers));
        }
        let inventory = self.inventory();
        let layers: Arc<[Map]> = if inventory.host(host).is_some() || Inventory::is_localhost_name(host) {
            let layers = inventory.layers(host, &*self.files, &self.options.sources)?;
            layers.iter().rev().map(|layer| layer.vars.clone()).collect()
        } else {
            Arc::from([])
        };
        self.write().layers.insert(Arc::clone(host), Arc::clone(&layers));
        Ok(layers)
    }

    /// The layers of a host with what they are, weakest first. For explanations.
    pub(crate) fn described_layers(&self, host: &str) -> Vec<rplay_inventory::Layer> {
        let layers = self.inventory().layers(host, &*self.files, &self.options.sources);
        layers.map(|layers| layers.iter().cloned().collect()).unwrap_or_default()
    }

    /// `groups`.
    pub(crate) fn groups(&self) -> Map {
        if let Some(groups) = &self.read().groups {
            return groups.clone();
        }
        let inventory = self.inventory();
        let mut groups = Map::new();
        for group in inventory.groups() {
            let hosts = inventory.group_id(&group.name).map(|id| inventory.hosts_of(id)).unwrap_or_default();
            let names: List = hosts
                .iter()
                .filter_map(|id| inventory.host_by_id(*id))
                .map(|host| Value::data(Arc::clone(&host.name)))
                .collect();
            groups.insert(Value::data(Arc::clone(&group.name)), names);
        }
        self.write().groups = Some(groups.clone());
        groups
    }

    pub(crate) fn group_names(&self, host: &str) -> Value {
        let inventory = self.inventory();
        let names = inventory.host(host).map(|host| inventory.group_names(host)).unwrap_or_default();
        Value::List(names.into_iter().map(Value::data).collect())
    }

    /// The host's own name in memory, when the inventory knows it or it is the controller.
    pub(crate) fn known_host(&self, name: &str) -> Option<Arc<str>> {
        match self.inventory().host(name) {
            Some(host) => Some(Arc::clone(&host.name)),
            None => Inventory::is_localhost_name(name).then(|| Arc::from(name)),
        }
    }

    /// Declared hosts in order.
    pub(crate) fn host_names(&self) -> Vec<Arc<str>> {
        self.inventory().hosts().map(|host| Arc::clone(&host.name)).collect()
    }
}
