//! `action_groups`: names for many actions, in `module_defaults: {group/ns.coll.name: ..}`.

use rplay_value::{Map, Value};

use crate::collection::split;
use crate::{Collections, Kind, builtin};

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its full name: `ansible.builtin.k8s`.
    pub name: String,
    /// The full names of the actions in it and in the groups it extends, redirects followed.
    pub members: Vec<String>,
    /// What is wrong with its description, to warn of.
    pub warnings: Vec<String>,
}

/// There is no such group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupError {
    /// Its full name.
    pub name: String,
    /// Whether its collection is installed.
    pub installed: bool,
}

impl std::fmt::Display for GroupError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Error loading module_defaults: could not resolve the module_defaults group {}", self.name)
    }
}

impl std::error::Error for GroupError {}

impl Collections {
    /// The group of this name: `ns.coll.name`, or `name` for one of ansible-core's.
    pub fn group(&self, name: &str) -> Result<Group, GroupError> {
        let full = if split(name).is_some() { name.to_owned() } else { format!("ansible.builtin.{name}") };
        let mut group = Group { name: full.clone(), members: Vec::new(), warnings: Vec::new() };
        let mut seen = Vec::new();
        if self.collect(&full, &mut group, &mut seen) {
            return Ok(group);
        }
        let installed = split(&full).is_some_and(|(collection, _)| self.folder(collection).is_some());
        Err(GroupError { name: full, installed })
    }

    /// Adds a group's members and those of the groups it extends; whether there is such a group.
    fn collect(&self, full: &str, out: &mut Group, seen: &mut Vec<String>) -> bool {
        if seen.iter().any(|known| known == full) {
            return true;
        }
        let Some((collection, rest)) = split(full) else { return false };
        seen.push(full.to_owned());
        let mut extends: Vec<String> = Vec::new();
        let mut members: Vec<String> = Vec::new();
        if matches!(collection, "ansible.builtin" | "ansible.legacy") {
            let Some((groups, own)) = builtin::group(rest) else { return false };
            extends.extend(groups.iter().map(|name| (*name).to_owned()));
            members.extend(own.iter().map(|name| (*name).to_owned()));
        } else {
            let Some(groups) = self.groups(collection) else { return false };
            let Some(entries) = groups.get(full).or_else(|| groups.get(rest)).and_then(Value::as_list) else {
                return groups.contains(full) || groups.contains(rest);
            };
            let mut described = false;
            for entry in entries {
                if let Some(name) = entry.as_str() {
                    members.push(name.to_owned());
                    continue;
                }
                out.warnings.extend(complaint(entry, described, full));
                if let Some(metadata @ Value::Map(_)) = entry.get("metadata") {
                    described = true;
                    match metadata.get("extend_group") {
                        Some(Value::Text(one)) => extends = vec![one.to_string()],
                        Some(Value::List(all)) => {
                            extends = all.iter().filter_map(Value::as_str).map(str::to_owned).collect();
                        }
                        _ => extends.clear(),
                    }
                }
            }
        }
        let named = |name: &str| if split(name).is_some() { name.to_owned() } else { format!("{collection}.{name}") };
        for member in members {
            let found = self.find(Kind::Module, &named(&member)).name;
            if !out.members.contains(&found) {
                out.members.push(found);
            }
        }
        for group in extends {
            self.collect(&named(&group), out, seen);
        }
        true
    }
}

/// What is wrong with an entry that is no name, as ansible-core 2.19 warns of it.
fn complaint(entry: &Value, described: bool, group: &str) -> Option<String> {
    let sorted = |map: &Map| {
        let mut keys: Vec<&str> = map.texts().map(|(name, _)| name.as_str()).collect();
        keys.sort_unstable();
        keys.join(", ")
    };
    let map = entry.as_map().cloned().unwrap_or_default();
    let mut said: Vec<String> = Vec::new();
    match map.get("metadata").filter(|_| map.len() == 1) {
        None => said.push(format!("The only expected key is metadata, but got keys: {}", sorted(&map))),
        Some(metadata) => {
            if described {
                said.push("The group contains multiple metadata entries.".to_owned());
            }
            if let Some(inner) = metadata.as_map() {
                let others: Map = inner
                    .texts()
                    .filter(|(key, _)| *key != "extend_group")
                    .map(|(k, v)| (k.as_str(), v.clone()))
                    .collect();
                if !others.is_empty() {
                    said.push(format!("The metadata contains unexpected keys: {}", sorted(&others)));
                }
                let wrong = |value: &&Value| !matches!(value, Value::List(_) | Value::Text(_));
                if let Some(value) = inner.get("extend_group").filter(wrong) {
                    let value = value.to_str();
                    said.push(format!(
                        "The metadata contains unexpected key types: extend_group is {value} (expected type list)"
                    ));
                }
            } else {
                said.push(format!("The metadata is not a dictionary. Got {}", metadata.to_str()));
            }
        }
    }
    let lead = format!("Invalid metadata was found for action_group {group} while loading module_defaults.");
    (!said.is_empty()).then(|| format!("{lead} {}", said.join(" ")))
}

#[cfg(test)]
mod tests {
    use rplay_diag::Sources;

    use super::*;

    #[test]
    fn groups_extend_groups_even_in_circles() {
        let dir = tempfile::tempdir().unwrap();
        let meta = dir.path().join("ansible_collections/a/b/meta");
        fs_err::create_dir_all(&meta).unwrap();
        fs_err::write(
            meta.join("runtime.yml"),
            "plugin_routing: {modules: {old: {redirect: a.b.new}}}\naction_groups:\n  one:\n  - metadata: {extend_group: [two, x.y.z]}\n  - old\n  - c.d.e\n  a.b.two:\n  - metadata: {extend_group: a.b.one}\n  - three\n",
        )
        .unwrap();
        let all = Collections::new([dir.path().to_owned()], Sources::new());
        assert_eq!(all.group("a.b.one").unwrap().members, ["a.b.new", "c.d.e", "a.b.three"]);
        assert_eq!(all.group("a.b.two").unwrap().members, ["a.b.three", "a.b.new", "c.d.e"]);
        assert_eq!(
            all.group("a.b.none").unwrap_err().to_string(),
            "Error loading module_defaults: could not resolve the module_defaults group a.b.none"
        );
        assert_eq!(all.group("k8s").unwrap().name, "ansible.builtin.k8s");
        assert!(all.group("nothing").is_err());
    }
}
