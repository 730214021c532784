//! What `ansible-inventory` shows: the graph, and the whole inventory as one value.

use std::collections::HashSet;
use std::sync::Arc;

use rplay_diag::Sources;
use rplay_value::{List, Map, Value};

use crate::inventory::{GroupId, Host, HostId, Inventory};
use crate::{Files, InventoryError};

/// Variables that say where a host came from: never shown.
const INTERNAL: [&str; 2] = ["inventory_file", "inventory_dir"];

/// What to show.
#[derive(Clone, Copy)]
pub struct Show<'a> {
    /// Variables where they were written (`--export`), not all of them at every host.
    pub export: bool,
    /// Only these hosts.
    pub hosts: Option<&'a [Arc<str>]>,
    /// Variables of the command line, over those of every host.
    pub extra_vars: Option<&'a Map>,
    /// Reads `group_vars` and `host_vars`.
    pub files: &'a dyn Files,
    /// Where texts are registered.
    pub sources: &'a Sources,
}

impl Inventory {
    /// The graph beneath a group, as `ansible-inventory --graph` draws it.
    pub fn graph(&self, group: &str) -> Option<String> {
        let mut lines = Vec::new();
        self.graph_lines(self.group_id(group)?, 0, &mut lines);
        Some(lines.join("\n"))
    }

    fn graph_lines(&self, id: GroupId, depth: usize, lines: &mut Vec<String>) {
        let name = |name: &str, depth: usize| {
            if depth == 0 { name.to_owned() } else { format!("{}--{name}", "  |".repeat(depth)) }
        };
        let group = self.g(id);
        lines.push(name(&format!("@{}:", group.name), depth));
        for child in group.children() {
            self.graph_lines(*child, depth + 1, lines);
        }
        if &*group.name != "all" {
            lines.extend(group.direct_hosts().iter().map(|host| name(&self.h(*host).name, depth + 1)));
        }
    }

    /// The inventory as the JSON document that inventory scripts write (`ansible-inventory --list`).
    pub fn list(&self, show: Show<'_>) -> Result<Map, InventoryError> {
        let hosts: Vec<HostId> = self.shown_hosts(show);
        let available: HashSet<HostId> = hosts.iter().copied().collect();
        let mut out = Map::new();
        let mut seen = HashSet::new();
        self.list_group(crate::inventory::ALL, &available, show, &mut seen, &mut out)?;
        let mut hostvars = Map::new();
        for id in hosts {
            let host = self.h(id);
            let vars = self.shown_vars(host, show)?;
            if !vars.is_empty() {
                hostvars.insert(Arc::clone(&host.name).to_string(), vars);
            }
        }
        let mut meta = Map::new();
        meta.insert("hostvars", hostvars);
        meta.insert("profile", "inventory_legacy");
        out.insert("_meta", meta);
        Ok(out)
    }

    fn shown_hosts(&self, show: Show<'_>) -> Vec<HostId> {
        let all = self.hosts_of(crate::inventory::ALL);
        match show.hosts {
            Some(names) => {
                let wanted: HashSet<&str> = names.iter().map(|n| &**n).collect();
                all.iter().copied().filter(|id| wanted.contains(&*self.h(*id).name)).collect()
            }
            None => all.to_vec(),
        }
    }

    fn list_group(
        &self,
        id: GroupId,
        available: &HashSet<HostId>,
        show: Show<'_>,
        seen: &mut HashSet<GroupId>,
        out: &mut Map,
    ) -> Result<(), InventoryError> {
        let group = self.g(id);
        let mut entry = Map::new();
        let text = |name: &Arc<str>| Value::data(Arc::clone(name));
        if id != crate::inventory::ALL {
            let hosts: List =
                group.direct_hosts().iter().filter(|h| available.contains(h)).map(|h| text(&self.h(*h).name)).collect();
            if !hosts.is_empty() {
                entry.insert("hosts", hosts);
            }
        }
        let children: List = group.children().iter().map(|c| text(&self.g(*c).name)).collect();
        if !children.is_empty() {
            entry.insert("children", children);
        }
        if show.export {
            let vars = self.group_vars(&group.name, show)?;
            if !vars.is_empty() {
                entry.insert("vars", vars);
            }
        }
        if !entry.is_empty() {
            out.insert(group.name.to_string(), entry);
        }
        for child in group.children() {
            if seen.insert(*child) {
                self.list_group(*child, available, show, seen, out)?;
            }
        }
        Ok(())
    }

    fn group_vars(&self, name: &str, show: Show<'_>) -> Result<Map, InventoryError> {
        let mut vars = Map::new();
        for layer in self.layers_of_group(name, show.files, show.sources)? {
            vars.extend(layer.vars);
        }
        if let Some(group) = self.group(name).filter(|group| group.priority != 1) {
            vars.insert("ansible_group_priority", group.priority);
        }
        Ok(vars)
    }

    fn shown_vars(&self, host: &Host, show: Show<'_>) -> Result<Map, InventoryError> {
        let layers = self.layers(&host.name, show.files, show.sources)?;
        let mut vars = Map::new();
        if show.export {
            for layer in layers.own {
                vars.extend(layer.vars);
            }
        } else {
            vars = layers.merged();
        }
        if let Some(extra) = show.extra_vars.filter(|_| !show.export) {
            vars.extend(extra.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        for internal in INTERNAL {
            vars.remove(internal);
        }
        Ok(vars)
    }

    /// The graph beneath a group with variables (`ansible-inventory --graph --vars`).
    pub fn graph_with_vars(&self, group: &str, show: Show<'_>) -> Result<Option<String>, InventoryError> {
        let Some(id) = self.group_id(group) else { return Ok(None) };
        let mut lines = Vec::new();
        self.lines_with_vars(id, 0, show, &mut lines)?;
        Ok(Some(lines.join("\n")))
    }

    fn lines_with_vars(
        &self,
        id: GroupId,
        depth: usize,
        show: Show<'_>,
        lines: &mut Vec<String>,
    ) -> Result<(), InventoryError> {
        let name = |name: &str, depth: usize| {
            if depth == 0 { name.to_owned() } else { format!("{}--{name}", "  |".repeat(depth)) }
        };
        let vars = |vars: &Map, depth: usize, lines: &mut Vec<String>| {
            let mut entries: Vec<(String, &Value)> =
                vars.iter().map(|(key, value)| (key.to_str().into_owned(), value)).collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            lines.extend(entries.iter().map(|(key, value)| name(&format!("{{{key} = {}}}", value.to_str()), depth)));
        };
        let group = self.g(id);
        lines.push(name(&format!("@{}:", group.name), depth));
        for child in group.children() {
            self.lines_with_vars(*child, depth + 1, show, lines)?;
        }
        if &*group.name != "all" {
            for host in group.direct_hosts() {
                let host = self.h(*host);
                lines.push(name(&host.name, depth + 1));
                vars(&self.shown_vars(host, show)?, depth + 2, lines);
            }
        }
        vars(&self.group_vars(&group.name, show)?, depth + 1, lines);
        Ok(())
    }

    /// The inventory as a YAML inventory says it (`ansible-inventory --list --yaml`): a host's variables stand where it is
    /// named first.
    pub fn nested(&self, show: Show<'_>) -> Result<Map, InventoryError> {
        let available: HashSet<HostId> = self.shown_hosts(show).into_iter().collect();
        let mut seen = (HashSet::new(), HashSet::new());
        let mut out = Map::new();
        if let Some(entry) = self.nested_group(crate::inventory::ALL, &available, show, &mut seen)? {
            out.insert("all", entry);
        }
        Ok(out)
    }

    fn nested_group(
        &self,
        id: GroupId,
        available: &HashSet<HostId>,
        show: Show<'_>,
        seen: &mut (HashSet<GroupId>, HashSet<HostId>),
    ) -> Result<Option<Map>, InventoryError> {
        let group = self.g(id);
        let mut children = Map::new();
        for child in group.children() {
            let name = Value::data(Arc::clone(&self.g(*child).name));
            if seen.0.insert(*child) {
                if let Some(entry) = self.nested_group(*child, available, show, seen)? {
                    children.insert(name, entry);
                }
            } else {
                children.insert(name, Map::new());
            }
        }
        let mut hosts = Map::new();
        if id != crate::inventory::ALL {
            for host in group.direct_hosts().iter().filter(|host| available.contains(host)) {
                let vars = if seen.1.insert(*host) { self.shown_vars(self.h(*host), show)? } else { Map::new() };
                hosts.insert(Value::data(Arc::clone(&self.h(*host).name)), vars);
            }
        }
        let mut entry = Map::new();
        for (key, map) in [("children", children), ("hosts", hosts)] {
            if !map.is_empty() {
                entry.insert(key, map);
            }
        }
        if show.export {
            let vars = self.group_vars(&group.name, show)?;
            if !vars.is_empty() {
                entry.insert("vars", vars);
            }
        }
        Ok((!entry.is_empty()).then_some(entry))
    }

    /// The variables of one host, as `ansible-inventory --host` shows them.
    pub fn host_vars(&self, name: &str, show: Show<'_>) -> Result<Option<Map>, InventoryError> {
        // As ansible-inventory, which knows the controller when no source names it.
        let implicit = || Self::is_localhost_name(name).then(|| Self::implicit_localhost(name));
        match self.host(name) {
            Some(host) => self.shown_vars(host, show).map(Some),
            None => implicit().map(|host| self.shown_vars(&host, show)).transpose(),
        }
    }
}
