//! Hosts, groups and who belongs where.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use indexmap::IndexMap;
use rplay_diag::Diagnostic;
use rplay_value::{ListMerge, Map, Value};

use crate::InventoryError;
use crate::layers::{Layer, VarsFolders};

/// Names that mean the controller when no inventory declares them.
const LOCALHOST: [&str; 3] = ["127.0.0.1", "localhost", "::1"];

/// A host's number: stable for the life of an inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostId(u32);

/// A group's number: stable for the life of an inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(u32);

/// The group of every host.
pub(crate) const ALL: GroupId = GroupId(0);
/// The group of hosts in no other group.
pub(crate) const UNGROUPED: GroupId = GroupId(1);

/// A host as the sources declare it.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its name in the inventory.
    pub name: Arc<str>,
    /// Variables written for the host itself, in the inventory sources or by `add_host`.
    pub vars: Map,
    /// `inventory_file` and `inventory_dir` of the source that named it first; shared by all hosts of the source.
    pub source: Map,
    /// Whether it is the controller, used without being declared.
    pub implicit: bool,
    groups: Vec<GroupId>,
}

/// A group of hosts and groups.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: Arc<str>,
    /// Variables written for the group in the inventory sources.
    pub vars: Map,
    /// `ansible_group_priority`; among groups of one depth the higher wins.
    pub priority: i64,
    hosts: Vec<HostId>,
    members: HashSet<HostId, foldhash::fast::RandomState>,
    children: Vec<GroupId>,
    parents: Vec<GroupId>,
    depth: u32,
    reach: OnceLock<Arc<[HostId]>>,
}

/// Layers by set of groups: hosts in the same groups share theirs.
type SharedLayers = HashMap<Vec<GroupId>, Arc<[Layer]>>;

/// Everything known about hosts and groups.
#[derive(Debug, Default)]
pub struct Inventory {
    hosts: IndexMap<Arc<str>, Host, foldhash::fast::RandomState>,
    groups: IndexMap<Arc<str>, Group, foldhash::fast::RandomState>,
    pub(crate) folders: VarsFolders,
    pub(crate) shared: Mutex<SharedLayers>,
    /// Whether any group's reach is computed: reading an inventory changes groups often and asks for none.
    reach_known: AtomicBool,
    warnings: Vec<Diagnostic>,
    /// `hash_behaviour=merge`: a mapping that is set again is laid over the one before.
    merge_hashes: bool,
}

/// Does not copy the caches.
impl Clone for Inventory {
    fn clone(&self) -> Self {
        Self {
            hosts: self.hosts.clone(),
            groups: self.groups.clone(),
            folders: self.folders.clone(),
            shared: Mutex::default(),
            reach_known: AtomicBool::new(true),
            warnings: self.warnings.clone(),
            merge_hashes: self.merge_hashes,
        }
    }
}

impl Inventory {
    /// An inventory with the groups `all` and `ungrouped` and no host.
    pub fn new() -> Self {
        let mut new = Self::default();
        new.add_group("all");
        new.add_group("ungrouped");
        new.link(ALL, UNGROUPED);
        new
    }

    /// Warnings so far, each once, in the order they came up; takes them.
    pub fn take_warnings(&mut self) -> Vec<Diagnostic> {
        for warning in self.folders.take_warnings() {
            self.warn(warning);
        }
        std::mem::take(&mut self.warnings)
    }

    pub(crate) fn warn(&mut self, warning: Diagnostic) {
        if !self.warnings.iter().any(|w| w.message == warning.message) {
            self.warnings.push(warning);
        }
    }

    /// Hosts in the order they were first named.
    pub fn hosts(&self) -> impl ExactSizeIterator<Item = &Host> {
        self.hosts.values()
    }

    /// Groups in the order they were first named, `all` and `ungrouped` first.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &Group> {
        self.groups.values()
    }

    /// A declared host.
    pub fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.get(name)
    }

    /// A host by number.
    pub fn host_by_id(&self, id: HostId) -> Option<&Host> {
        self.hosts.get_index(id.0 as usize).map(|(_, host)| host)
    }

    /// The number of a declared host.
    pub fn host_id(&self, name: &str) -> Option<HostId> {
        self.hosts.get_index_of(name).map(|i| HostId(i as u32))
    }

    /// A group.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.get(name)
    }

    /// A group by number.
    pub fn group_by_id(&self, id: GroupId) -> Option<&Group> {
        self.groups.get_index(id.0 as usize).map(|(_, group)| group)
    }

    /// The number of a group.
    pub fn group_id(&self, name: &str) -> Option<GroupId> {
        self.groups.get_index_of(name).map(|i| GroupId(i as u32))
    }

    pub(crate) fn g(&self, id: GroupId) -> &Group {
        &self.groups[id.0 as usize]
    }

    pub(crate) fn h(&self, id: HostId) -> &Host {
        &self.hosts[id.0 as usize]
    }

    /// Whether a name means the controller without being declared.
    pub fn is_localhost_name(name: &str) -> bool {
        LOCALHOST.contains(&name)
    }

    /// The controller as an undeclared host.
    pub fn implicit_localhost(name: &str) -> Host {
        let vars = [("ansible_connection", Value::from("local"))].into_iter().collect();
        Host { name: name.into(), vars, source: Map::new(), implicit: true, groups: Vec::new() }
    }

    /// Declares a host; an existing one stays as it is. The second value says whether it is new.
    pub fn add_host(&mut self, name: &str) -> (HostId, bool) {
        if let Some(id) = self.host_id(name) {
            return (id, false);
        }
        let name: Arc<str> = name.into();
        let host =
            Host { name: Arc::clone(&name), vars: Map::new(), source: Map::new(), implicit: false, groups: Vec::new() };
        if LOCALHOST.contains(&&*name)
            && let Some(first) = LOCALHOST.iter().find(|other| self.hosts.contains_key(**other))
        {
            self.warn(Diagnostic::warning(format!(
                "A duplicate localhost-like entry was found ({name}). First found localhost was {first}"
            )));
        }
        let (index, _) = self.hosts.insert_full(name, host);
        (HostId(index as u32), true)
    }

    /// Declares a group; an existing one stays as it is.
    pub fn add_group(&mut self, name: &str) -> GroupId {
        if let Some(id) = self.group_id(name) {
            return id;
        }
        let name: Arc<str> = name.into();
        let group = Group {
            name: Arc::clone(&name),
            vars: Map::new(),
            priority: 1,
            hosts: Vec::new(),
            members: HashSet::default(),
            children: Vec::new(),
            parents: Vec::new(),
            depth: 0,
            reach: OnceLock::new(),
        };
        let (index, _) = self.groups.insert_full(name, group);
        GroupId(index as u32)
    }

    /// Puts a host into a group. Says whether it was not there before.
    pub fn join(&mut self, host: HostId, group: GroupId) -> bool {
        let entry = &mut self.groups[group.0 as usize];
        if !entry.members.insert(host) {
            return false;
        }
        entry.hosts.push(host);
        self.hosts[host.0 as usize].groups.push(group);
        self.forget_reach();
        true
    }

    /// Takes hosts out of a group, all in one go.
    fn leave(&mut self, hosts: &[HostId], group: GroupId) {
        let entry = &mut self.groups[group.0 as usize];
        for host in hosts {
            entry.members.remove(host);
            self.hosts[host.0 as usize].groups.retain(|g| *g != group);
        }
        entry.hosts.retain(|host| entry.members.contains(host));
        self.forget_reach();
    }

    /// Makes a group the child of another. Says whether it was not before.
    pub fn add_child(&mut self, parent: GroupId, child: GroupId) -> Result<bool, InventoryError> {
        if self.g(parent).children.contains(&child) {
            return Ok(false);
        }
        if parent == child || !self.g(child).children.is_empty() && self.descendants(child).contains(&parent) {
            return Err(InventoryError::Cycle {
                parent: Arc::clone(&self.g(parent).name),
                child: Arc::clone(&self.g(child).name),
                span: None,
            });
        }
        self.link(parent, child);
        Ok(true)
    }

    fn link(&mut self, parent: GroupId, child: GroupId) {
        self.groups[parent.0 as usize].children.push(child);
        self.groups[child.0 as usize].parents.push(parent);
        self.forget_reach();
    }

    fn forget_reach(&mut self) {
        if std::mem::take(self.reach_known.get_mut()) {
            for group in self.groups.values_mut() {
                group.reach = OnceLock::new();
            }
        }
        self.forget_layers();
    }

    pub(crate) fn forget_layers(&mut self) {
        let shared = self.shared.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !shared.is_empty() {
            shared.clear();
        }
    }

    /// Whether a mapping that is set again is laid over the one before (`hash_behaviour=merge`) or replaces it.
    pub fn merge_hashes(&mut self, merge: bool) {
        self.merge_hashes = merge;
    }

    /// Sets a variable of a host.
    pub fn set_host_var(&mut self, host: HostId, name: impl Into<Value>, value: impl Into<Value>) {
        let merge = self.merge_hashes;
        put(&mut self.hosts[host.0 as usize].vars, name.into(), value.into(), merge);
    }

    /// Sets several variables of a host, as `add_host` does. Says whether anything changed.
    pub fn set_host_vars(&mut self, host: HostId, vars: &Map) -> bool {
        let mine = &mut self.hosts[host.0 as usize].vars;
        let changed = vars.iter().any(|(key, value)| mine.get_value(key) != Some(value));
        if changed && self.merge_hashes {
            for (key, value) in vars {
                put(mine, key.clone(), value.clone(), true);
            }
        } else if changed {
            mine.extend(vars.iter().map(|(k, v)| (k.clone(), v.clone())));
        }
        changed
    }

    pub(crate) fn set_host_source(&mut self, host: HostId, source: &Map) {
        self.hosts[host.0 as usize].source = source.clone();
    }

    /// Sets a variable of a group; `ansible_group_priority` sets its priority.
    pub fn set_group_var(&mut self, group: GroupId, name: impl Into<Value>, value: impl Into<Value>) {
        let (name, value) = (name.into(), value.into());
        let entry = &mut self.groups[group.0 as usize];
        if name.as_str() == Some("ansible_group_priority") {
            let number = value.as_int().or_else(|| value.as_str().and_then(|s| s.trim().parse().ok()));
            if let Some(priority) = number {
                entry.priority = priority;
            } else {
                let name = Arc::clone(&entry.name);
                let message = format!("ansible_group_priority of group {name} is not an integer, ignoring it");
                self.warn(Diagnostic::warning(message).at_maybe(value.origin(), "not an integer"));
            }
        } else {
            put(&mut entry.vars, name, value, self.merge_hashes);
        }
        self.forget_layers();
    }

    /// Brings the graph in order after changes: groups without a parent go under `all`, hosts without a group into
    /// `ungrouped`, hosts with one out of it; depths are computed. Warns where a host and a group share a name.
    pub fn reconcile(&mut self) {
        for id in (1..self.groups.len() as u32).map(GroupId) {
            if self.g(id).parents.is_empty() {
                self.link(ALL, id);
            }
        }
        let mut grouped_now = Vec::new();
        for id in (0..self.hosts.len() as u32).map(HostId) {
            let groups = &self.h(id).groups;
            let grouped = groups.iter().any(|g| *g != ALL && *g != UNGROUPED);
            let ungrouped = groups.contains(&UNGROUPED);
            if grouped && ungrouped {
                grouped_now.push(id);
            } else if !grouped && !ungrouped {
                self.join(id, UNGROUPED);
            }
        }
        if !grouped_now.is_empty() {
            self.leave(&grouped_now, UNGROUPED);
        }
        self.compute_depths();
        let conflicts: Vec<Arc<str>> =
            self.groups.keys().filter(|name| self.hosts.contains_key(*name)).cloned().collect();
        for name in conflicts {
            self.warn_shared_name(&name);
        }
        self.forget_layers();
    }

    /// Depth is the longest way down from a group without a parent.
    fn compute_depths(&mut self) {
        let mut waiting: Vec<usize> = self.groups.values().map(|g| g.parents.len()).collect();
        let mut ready: VecDeque<usize> = (0..waiting.len()).filter(|i| waiting[*i] == 0).collect();
        let mut depths = vec![0_u32; waiting.len()];
        while let Some(index) = ready.pop_front() {
            for child in &self.groups[index].children {
                let child = child.0 as usize;
                depths[child] = depths[child].max(depths[index] + 1);
                waiting[child] -= 1;
                if waiting[child] == 0 {
                    ready.push_back(child);
                }
            }
        }
        for (group, depth) in self.groups.values_mut().zip(depths) {
            group.depth = depth;
        }
    }

    /// A group and everything beneath it, breadth first.
    fn descendants(&self, group: GroupId) -> Vec<GroupId> {
        let mut seen = HashSet::from([group]);
        let mut order = vec![group];
        let mut next = 0;
        while let Some(current) = order.get(next).copied() {
            next += 1;
            order.extend(self.g(current).children.iter().copied().filter(|child| seen.insert(*child)));
        }
        order
    }

    /// The hosts of a group and of all groups beneath it, each once, the group's own first.
    pub fn hosts_of(&self, group: GroupId) -> Arc<[HostId]> {
        let compute = || {
            let mut seen: HashSet<HostId, foldhash::fast::RandomState> = HashSet::default();
            let mut hosts = Vec::new();
            for group in self.descendants(group) {
                hosts.extend(self.g(group).hosts.iter().copied().filter(|host| seen.insert(*host)));
            }
            hosts.into()
        };
        self.reach_known.store(true, Ordering::Relaxed);
        Arc::clone(self.g(group).reach.get_or_init(compute))
    }

    /// All groups of a host but `all`, weakest first: by depth, then priority, then name.
    pub fn groups_of(&self, host: &Host) -> Vec<GroupId> {
        let mut seen: HashSet<GroupId> = HashSet::new();
        let mut todo: Vec<GroupId> = host.groups.clone();
        while let Some(group) = todo.pop() {
            if group != ALL && seen.insert(group) {
                todo.extend(&self.g(group).parents);
            }
        }
        let mut groups: Vec<GroupId> = seen.into_iter().collect();
        groups.sort_by(|a, b| {
            let (a, b) = (self.g(*a), self.g(*b));
            (a.depth, a.priority, &a.name).cmp(&(b.depth, b.priority, &b.name))
        });
        groups
    }

    /// The `group_names` variable of a host: all its groups but `all`, sorted by name.
    pub fn group_names(&self, host: &Host) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> =
            self.groups_of(host).into_iter().map(|id| Arc::clone(&self.g(id).name)).collect();
        names.sort();
        names
    }

    /// Adds a host with its groups and variables while a play runs, as the `add_host` action does. Says whether
    /// anything changed.
    pub fn add_dynamic_host(&mut self, name: &str, groups: &[&str], vars: &Map) -> bool {
        let (host, mut changed) = self.add_host(name);
        if changed {
            // It has no source, and says so.
            let about = ["inventory_file", "inventory_dir"].map(|name| (name, Value::Null));
            self.set_host_source(host, &about.into_iter().collect());
        }
        changed |= self.set_host_vars(host, vars);
        for group in groups {
            let (group, new) = self.add_dynamic(group);
            changed |= new | self.join(host, group);
        }
        if changed {
            self.settle(host);
        }
        changed
    }

    /// Puts a host into a group that is made if need be, beneath its parents, as the `group_by` action does. Says
    /// whether anything changed.
    pub fn add_dynamic_group(&mut self, host: &str, group: &str, parents: &[&str]) -> Result<bool, InventoryError> {
        let Some(host) = self.host_id(host) else { return Ok(false) };
        let (group, mut changed) = if parents.is_empty() {
            self.add_dynamic(group)
        } else {
            let new = self.group_id(group).is_none();
            (self.add_group(group), new)
        };
        let mut linked = false;
        for parent in parents {
            let (parent, new) = self.add_dynamic(parent);
            linked |= self.add_child(parent, group)?;
            changed |= new;
        }
        if linked {
            self.compute_depths();
        }
        changed |= linked | self.join(host, group);
        if changed {
            self.settle(host);
        }
        Ok(changed)
    }

    /// A group that may be new; then it stands under `all`.
    fn add_dynamic(&mut self, name: &str) -> (GroupId, bool) {
        if let Some(id) = self.group_id(name) {
            return (id, false);
        }
        let id = self.add_group(name);
        self.link(ALL, id);
        self.groups[id.0 as usize].depth = 1;
        self.warn_shared_name(name);
        (id, true)
    }

    /// What [`Inventory::reconcile`] does, for one host whose groups changed: the cost does not grow with the inventory.
    fn settle(&mut self, host: HostId) {
        let groups = &self.h(host).groups;
        let grouped = groups.iter().any(|g| *g != ALL && *g != UNGROUPED);
        match (grouped, groups.contains(&UNGROUPED)) {
            (true, true) => self.leave(&[host], UNGROUPED),
            (false, false) => {
                self.join(host, UNGROUPED);
            }
            _ => {}
        }
        let name = Arc::clone(&self.h(host).name);
        self.warn_shared_name(&name);
        self.forget_layers();
    }

    fn warn_shared_name(&mut self, name: &str) {
        if self.groups.contains_key(name) && self.hosts.contains_key(name) {
            self.warn(Diagnostic::warning(format!("Found both group and host with same name: {name}")));
        }
    }

    /// Reads `group_vars/` and `host_vars/` of this folder (a playbook's) too, above those beside the inventory.
    pub fn add_playbook_folder(&mut self, folder: &Path) {
        self.folders.add_playbook(folder);
        self.forget_layers();
    }
}

impl Group {
    /// Hosts that are members themselves, in order.
    pub fn direct_hosts(&self) -> &[HostId] {
        &self.hosts
    }

    /// Child groups in order.
    pub fn children(&self) -> &[GroupId] {
        &self.children
    }

    /// Parent groups in order.
    pub fn parents(&self) -> &[GroupId] {
        &self.parents
    }

    /// Length of the longest way from `all` down to it.
    pub fn depth(&self) -> u32 {
        self.depth
    }
}

impl Host {
    /// Groups it is a direct member of, in the order it joined.
    pub fn direct_groups(&self) -> &[GroupId] {
        &self.groups
    }
}

/// Sets a variable; with `merge`, a mapping is laid over the mapping that is there.
fn put(vars: &mut Map, name: Value, value: Value, merge: bool) {
    let value = match (vars.get_value(&name), &value) {
        (Some(Value::Map(old)), Value::Map(new)) if merge => Value::Map(old.merged(new, true, ListMerge::Replace)),
        _ => value,
    };
    vars.insert(name, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_through_children_and_depth_is_the_longest_way() {
        let mut inventory = Inventory::new();
        let (web, east, top) = (inventory.add_group("web"), inventory.add_group("east"), inventory.add_group("top"));
        inventory.add_child(top, east).unwrap();
        inventory.add_child(east, web).unwrap();
        inventory.add_child(top, web).unwrap();
        let (a, _) = inventory.add_host("a");
        let (b, _) = inventory.add_host("b");
        inventory.join(a, web);
        inventory.join(a, UNGROUPED);
        inventory.join(b, east);
        inventory.reconcile();
        assert_eq!(inventory.hosts_of(top).as_ref(), [b, a]);
        assert_eq!(inventory.g(web).depth(), 3);
        assert_eq!(inventory.group_names(inventory.h(a)), ["east".into(), "top".into(), "web".into()] as [Arc<str>; 3]);
        assert!(inventory.g(UNGROUPED).direct_hosts().is_empty());
    }

    #[test]
    fn a_circle_of_groups_is_refused() {
        let mut inventory = Inventory::new();
        let (a, b) = (inventory.add_group("a"), inventory.add_group("b"));
        inventory.add_child(a, b).unwrap();
        assert!(matches!(inventory.add_child(b, a), Err(InventoryError::Cycle { .. })));
        assert!(matches!(inventory.add_child(a, a), Err(InventoryError::Cycle { .. })));
    }

    #[test]
    fn dynamic_hosts_and_groups_report_change_once() {
        let mut inventory = Inventory::new();
        let vars: Map = [("x", 1)].into_iter().collect();
        assert!(inventory.add_dynamic_host("n", &["g"], &vars));
        assert!(!inventory.add_dynamic_host("n", &["g"], &vars));
        assert!(inventory.add_dynamic_group("n", "sub", &["g"]).unwrap());
        assert!(!inventory.add_dynamic_group("n", "sub", &["g"]).unwrap());
        assert_eq!(inventory.group("sub").unwrap().depth(), 2);
        assert_eq!(
            inventory.graph("all").unwrap(),
            "@all:\n  |--@ungrouped:\n  |--@g:\n  |  |--@sub:\n  |  |  |--n\n  |  |--n"
        );
    }
}
