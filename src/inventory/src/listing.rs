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
        for internal in INTERNAL {
            vars.remove(internal);
        }
        Ok(vars)
    }

    /// The variables of one host, as `ansible-inventory --host` shows them.
    pub fn host_vars(&self, name: &str, show: Show<'_>) -> Result<Option<Map>, InventoryError> {
        self.host(name).map(|host| self.shown_vars(host, show)).transpose()
    }
}
