//! Magic variables: what the engine itself says about the run, the play, the host and the task.

use std::collections::HashSet;
use std::sync::Arc;

use rplay_playbook::Role;
use rplay_template::{Slot, Variables};
use rplay_value::{List, Map, Text, Value};

use crate::vars::{View, World};

/// Names that nothing can override and that hold for the whole run.
const RUN: &[&str] = &[
    "playbook_dir",
    "ansible_playbook_python",
    "ansible_config_file",
    "ansible_version",
    "ansible_check_mode",
    "ansible_diff_mode",
    "ansible_forks",
    "ansible_inventory_sources",
    "ansible_skip_tags",
    "ansible_limit",
    "ansible_run_tags",
    "ansible_verbosity",
    "groups",
    "hostvars",
    "vars",
];

/// Names of a play.
const PLAY: &[&str] = &[
    "ansible_play_name",
    "ansible_play_hosts_all",
    "ansible_play_hosts",
    "ansible_play_batch",
    "play_hosts",
    "ansible_role_names",
    "ansible_play_role_names",
    "ansible_dependent_role_names",
    "role_names",
];

/// Names of a task in a role.
const ROLE: &[&str] = &[
    "role_name",
    "role_path",
    "role_uuid",
    "ansible_role_name",
    "ansible_collection_name",
    "ansible_parent_role_names",
    "ansible_parent_role_paths",
];

/// Names of a host; inventory variables of these names win over them.
const HOST: &[&str] = &["inventory_hostname", "inventory_hostname_short", "group_names"];

impl View {
    pub(super) fn magic_names(&self) -> Vec<Text> {
        let all = [RUN, PLAY, ROLE, HOST, &["ansible_facts", "environment"]].concat();
        all.into_iter().filter(|name| self.get(name).is_some()).map(Text::data).collect()
    }

    /// A magic variable that nothing overrides.
    pub(super) fn magic(&self, name: &str) -> Option<Slot> {
        // Every magic name starts with one of these: most lookups end here.
        if !matches!(name.as_bytes().first(), Some(b'a' | b'e' | b'g' | b'h' | b'p' | b'r' | b'v')) {
            return None;
        }
        self.of_run(name).or_else(|| self.of_play(name)).or_else(|| self.of_task(name))
    }

    fn of_run(&self, name: &str) -> Option<Slot> {
        let options = self.world.options();
        let value = match name {
            // The variables of another host are read without those of yet others.
            "hostvars" | "vars" if self.play.is_none() && self.step.is_none() => return None,
            "hostvars" => return Some(Slot::Namespace(Arc::new(HostVars { world: Arc::clone(&self.world) }))),
            "vars" => return Some(Slot::Scoped(self.clone().into_scope())),
            "groups" => Value::Map(self.world.groups()),
            "ansible_facts" => {
                self.host.as_ref()?;
                return Some(Slot::Done(Value::Map(self.facts.namespaced.clone())));
            }
            "playbook_dir" => Value::data(self.world.playbook_dir().to_string_lossy().into_owned()),
            "ansible_playbook_python" => Value::data(options.playbook_python.as_ref()?.to_string_lossy().into_owned()),
            "ansible_config_file" => {
                options.config_file.as_ref().map_or(Value::Null, |f| Value::data(f.to_string_lossy().into_owned()))
            }
            "ansible_version" => Value::Map(options.version()),
            "ansible_check_mode" => Value::Bool(options.check),
            "ansible_diff_mode" => Value::Bool(options.diff),
            "ansible_forks" => Value::from(options.forks),
            "ansible_inventory_sources" => texts(&options.inventory_sources),
            "ansible_run_tags" if options.tags.is_empty() => texts(&["all".to_owned()]),
            "ansible_run_tags" => texts(&options.tags),
            "ansible_skip_tags" => texts(&options.skip_tags),
            "ansible_limit" => Value::data(options.limit.as_deref()?),
            "ansible_verbosity" => Value::from(options.verbosity),
            _ => return None,
        };
        Some(Slot::Done(value))
    }

    fn of_play(&self, name: &str) -> Option<Slot> {
        let play = self.play.as_deref()?;
        let value = match name {
            "ansible_play_name" => Value::data(play.name.as_str()),
            "ansible_play_hosts_all" => names(&play.hosts_all()),
            "ansible_play_hosts" => names(&play.remaining(&play.hosts_all())),
            "ansible_play_batch" | "play_hosts" => names(&play.remaining(&play.batch())),
            "ansible_current_hosts" => names(&play.remaining(&play.batch())),
            "ansible_failed_hosts" => names(&play.removed(&play.batch())),
            "ansible_role_names" => {
                role_names(play.known_roles().iter().flat_map(|r| r.dependencies.iter().chain([&r.role])))
            }
            "ansible_play_role_names" | "role_names" => {
                Value::List(play.known_roles().iter().map(|r| full_name(&r.role)).collect())
            }
            "ansible_dependent_role_names" => role_names(play.known_roles().iter().flat_map(|r| &r.dependencies)),
            _ => return None,
        };
        Some(Slot::Done(value))
    }

    fn of_task(&self, name: &str) -> Option<Slot> {
        let step = self.step.as_deref()?;
        let options = self.world.options();
        if name == "environment" {
            return Some(Slot::Lazy(Value::List(step.environment().into_iter().cloned().collect())));
        }
        if name == "ansible_search_path" {
            let paths = step.search_path(&self.world.playbook_dir(), &options.sources);
            return Some(Slot::Done(Value::List(
                paths.iter().map(|p| Value::data(p.to_string_lossy().into_owned())).collect(),
            )));
        }
        let role = step.role.as_ref()?;
        // Those that import or include it, not those that depend on it.
        let parents = || {
            let chain = std::iter::successors(Some(&**role), |role| role.parent.as_deref());
            chain.filter(|role| role.from_include).filter_map(|role| role.parent.as_deref())
        };
        let value = match name {
            "role_name" => Value::data(&*role.name),
            "ansible_role_name" => Value::data(full_name(role)),
            "role_path" => Value::data(role.path.to_string_lossy().into_owned()),
            "role_uuid" => Value::data(format!("{:016x}", role.identity)),
            "ansible_collection_name" => role.collection.as_deref().map_or(Value::Null, Value::data),
            "ansible_parent_role_names" => {
                let names: List = parents().map(full_name).collect();
                (!names.is_empty()).then_some(Value::List(names))?
            }
            "ansible_parent_role_paths" => {
                let paths: List = parents().map(|r| r.path.to_string_lossy().into_owned()).collect();
                (!paths.is_empty()).then_some(Value::List(paths))?
            }
            _ => return None,
        };
        Some(Slot::Done(value))
    }

    /// What the inventory says about the host itself.
    pub(super) fn of_host(&self, name: &str) -> Option<Slot> {
        let host = self.host.as_ref()?;
        let called = self.called.as_ref().unwrap_or(host);
        let value = match name {
            "inventory_hostname" => Value::data(&**called),
            "inventory_hostname_short" => Value::data(called.split('.').next().unwrap_or_default()),
            "group_names" => self.world.group_names(host),
            _ => return None,
        };
        Some(Slot::Done(value))
    }
}

/// `hostvars`: every host of the inventory, looked up when it is read.
struct HostVars {
    world: Arc<World>,
}

impl Variables for HostVars {
    fn get(&self, name: &str) -> Option<Slot> {
        let host = self.world.known_host(name)?;
        // A host whose files of variables cannot be read was an error when the run began.
        let view = View::new(&self.world, Some(&host), None, None).ok()?;
        Some(Slot::Scoped(view.into_scope()))
    }

    fn names(&self) -> Vec<Text> {
        self.world.host_names().into_iter().map(Text::data).collect()
    }
}

/// `ansible_delegated_vars`: the variables of the host that does the work, by its name.
pub(crate) struct DelegatedVars {
    pub(crate) name: Arc<str>,
    pub(crate) scope: rplay_template::Scope,
}

impl Variables for DelegatedVars {
    fn get(&self, name: &str) -> Option<Slot> {
        (*self.name == *name).then(|| Slot::Scoped(self.scope.clone()))
    }

    fn names(&self) -> Vec<Text> {
        vec![Text::data(Arc::clone(&self.name))]
    }
}

/// A role's name with its collection.
pub(crate) fn full_name(role: &Role) -> String {
    match &role.collection {
        Some(collection) => format!("{collection}.{}", role.name),
        None => role.name.to_string(),
    }
}

fn role_names<'a>(roles: impl Iterator<Item = &'a Arc<Role>>) -> Value {
    let mut seen = HashSet::new();
    Value::List(roles.map(|role| full_name(role)).filter(|name| seen.insert(name.clone())).collect())
}

fn names(hosts: &[Arc<str>]) -> Value {
    Value::List(hosts.iter().map(|host| Value::data(Arc::clone(host))).collect())
}

fn texts(texts: &[String]) -> Value {
    Value::List(texts.iter().collect())
}

/// `ansible_loop` of one item.
pub(crate) fn extended_loop(items: &List, index: usize, all: bool) -> Map {
    let length = items.len();
    let mut map = Map::new();
    map.insert("index", index + 1);
    map.insert("index0", index);
    map.insert("first", index == 0);
    map.insert("last", index + 1 == length);
    map.insert("length", length);
    map.insert("revindex", length - index);
    map.insert("revindex0", length - index - 1);
    if all {
        map.insert("allitems", items.clone());
    }
    if let Some(next) = items.get(index + 1) {
        map.insert("nextitem", next.clone());
    }
    if let Some(before) = index.checked_sub(1).and_then(|i| items.get(i)) {
        map.insert("previtem", before.clone());
    }
    map
}
