//! The order in which layers of variables are asked, strongest first.
//!
//! Nothing is merged for a task: a [`View`] holds the shared layers that apply to one host at one step, and a lookup
//! walks them. From strongest to weakest, as ansible-core 2.19:
//!
//! 1. magic variables
//! 2. extra vars
//! 3. variables of dynamic includes (`include_tasks`, `include_role`, their loop variables)
//! 4. role parameters
//! 5. `set_fact` and registered results
//! 6. `include_vars`
//! 7. `vars` of the task, then of its blocks outward
//! 8. `vars` where the role is used, `vars/` of the role, of its dependencies, of the roles that brought it in
//! 9. `vars/` of all roles of the play, later ones first
//! 10. `vars_files` of the play, later ones first
//! 11. `vars` and `vars_prompt` of the play
//! 12. facts: `ansible_facts`, and injected ones
//! 13. host and group variables of the inventory and beside inventory and playbook (ordered by `inventory`)
//! 14. defaults of the role, of the roles that brought it in, of its dependencies
//! 15. defaults of all roles of the play, later ones first

use std::sync::Arc;

use rplay_inventory::InventoryError;
use rplay_playbook::Role;
use rplay_template::{Scope, Slot, Surroundings, Variables};
use rplay_value::{Map, Text, Value};

use crate::plan::{LevelKind, Step};
use crate::vars::{HostFacts, PlayScope, World, facts};

/// The layers that depend on the step alone, strongest first within each.
#[derive(Debug, Default)]
pub(crate) struct StepLayers {
    include: Vec<Map>,
    params: Vec<Map>,
    task: Vec<Map>,
    role_vars: Vec<Map>,
    role_defaults: Vec<Map>,
}

impl StepLayers {
    /// The layers of a step. Call through [`layers`], which keeps them.
    fn new(step: &Step) -> Self {
        let mut layers = Self::default();
        let add = |list: &mut Vec<Map>, map: &Map| {
            if !map.is_empty() {
                list.push(map.clone());
            }
        };
        if let Some(task) = step.task() {
            add(&mut layers.task, &task.common.vars);
        }
        for level in step.level.outward() {
            match &level.kind {
                LevelKind::Block => add(&mut layers.task, &level.common.vars),
                LevelKind::Include { vars, .. } => {
                    add(&mut layers.task, &level.common.vars);
                    add(&mut layers.include, vars);
                }
                LevelKind::Play | LevelKind::Role { .. } => {}
            }
        }
        if let Some(role) = &step.role {
            let dependencies = step.level.outward().find_map(|level| match &level.kind {
                LevelKind::Role { role: at, dependencies } if Arc::ptr_eq(at, role) => Some(dependencies.as_slice()),
                _ => None,
            });
            let dependencies = dependencies.unwrap_or_default();
            add(&mut layers.role_vars, &role.common.vars);
            add(&mut layers.role_vars, &role.vars);
            for dependency in dependencies.iter().rev() {
                add(&mut layers.role_vars, &dependency.vars);
            }
            let chain: Vec<&Role> = std::iter::successors(Some(&**role), |role| role.parent.as_deref()).collect();
            for parent in &chain[1..] {
                add(&mut layers.role_vars, &parent.vars);
                add(&mut layers.role_vars, &parent.common.vars);
            }
            for role in &chain {
                add(&mut layers.params, &role.params);
                add(&mut layers.role_defaults, &role.defaults);
            }
            for dependency in dependencies.iter().rev() {
                add(&mut layers.role_defaults, &dependency.defaults);
            }
        }
        layers
    }
}

/// The layers of a step, made once.
pub(crate) fn layers(step: &Step) -> &Arc<StepLayers> {
    step.layers.get_or_init(|| Arc::new(StepLayers::new(step)))
}

/// What one host sees at one step: a handful of shared maps.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) world: Arc<World>,
    /// The host whose variables these are.
    pub(crate) host: Option<Arc<str>>,
    /// What `inventory_hostname` says when it is not that host: the delegating one.
    pub(crate) called: Option<Arc<str>>,
    pub(crate) facts: HostFacts,
    pub(crate) inventory: Arc<[Map]>,
    pub(crate) play: Option<Arc<PlayScope>>,
    pub(crate) files: Vec<Map>,
    pub(crate) step: Option<Arc<Step>>,
}

impl View {
    /// The view of a host at a step of a play; each may be missing.
    pub(crate) fn new(
        world: &Arc<World>,
        host: Option<&Arc<str>>,
        play: Option<&Arc<PlayScope>>,
        step: Option<&Arc<Step>>,
    ) -> Result<Self, InventoryError> {
        Ok(Self {
            world: Arc::clone(world),
            host: host.cloned(),
            called: None,
            facts: host.map(|host| world.facts(host)).unwrap_or_default(),
            inventory: host.map_or_else(|| Ok(Arc::from([])), |host| world.host_layers(host))?,
            play: play.cloned(),
            files: Vec::new(),
            step: step.cloned(),
        })
    }

    /// The view as a scope to render in.
    pub(crate) fn into_scope(self) -> Scope {
        let surroundings = if let Some(step) = &self.step {
            Arc::clone(step.surroundings(&self.world))
        } else {
            let basedir = self.world.playbook_dir().to_path_buf();
            Arc::new(Surroundings { search_path: vec![basedir.clone()], basedir })
        };
        Scope::new(Arc::new(self), surroundings)
    }

    /// Every layer below the magic variables, strongest first. The flag says whether texts in it may be templates.
    fn walk<T>(&self, visit: &mut dyn FnMut(&Map, bool) -> Option<T>) -> Option<T> {
        self.walk_above_facts(visit).or_else(|| self.walk_from_facts(visit))
    }

    fn walk_above_facts<T>(&self, visit: &mut dyn FnMut(&Map, bool) -> Option<T>) -> Option<T> {
        let step = self.step.as_deref().map(|step| &**layers(step));
        let play = self.play.as_deref();
        let mut all = |maps: &[Map], lazy: bool| maps.iter().find_map(|map| visit(map, lazy));
        let options = self.world.options();
        all(std::slice::from_ref(&options.extra_vars), true)
            .or_else(|| all(&step?.include, true))
            .or_else(|| all(&step?.params, true))
            .or_else(|| all(std::slice::from_ref(&self.facts.set), false))
            .or_else(|| all(std::slice::from_ref(&self.facts.included), true))
            .or_else(|| all(&step?.task, true))
            .or_else(|| all(&step?.role_vars, true))
            .or_else(|| all(&play?.role_vars(), true))
            .or_else(|| all(&self.files, true))
            .or_else(|| all(std::slice::from_ref(&play?.vars), true))
    }

    fn walk_from_facts<T>(&self, visit: &mut dyn FnMut(&Map, bool) -> Option<T>) -> Option<T> {
        let step = self.step.as_deref().map(|step| &**layers(step));
        let play = self.play.as_deref();
        let mut all = |maps: &[Map], lazy: bool| maps.iter().find_map(|map| visit(map, lazy));
        all(std::slice::from_ref(&self.facts.injected), false)
            .or_else(|| all(&self.inventory, true))
            .or_else(|| all(&step?.role_defaults, true))
            .or_else(|| all(&play?.role_defaults(), true))
    }

    fn layered(&self, name: &str) -> Option<Slot> {
        if !self.world.options().merge_hashes {
            return self.walk(&mut |map, lazy| map.get(name).map(|value| slot(value, lazy)));
        }
        // hash_behaviour=merge: mappings of all layers are combined, the strongest winning key by key.
        let mut merged: Option<(Value, bool)> = None;
        self.walk::<()>(&mut |map, lazy| {
            let value = map.get(name)?;
            match (&mut merged, value) {
                (None, _) => merged = Some((value.clone(), lazy)),
                (Some((Value::Map(strong), any)), Value::Map(weak)) => {
                    *strong = facts::merge_maps(weak, strong, true);
                    *any |= lazy;
                }
                _ => return Some(()),
            }
            None
        });
        merged.map(|(value, lazy)| slot(&value, lazy))
    }
}

fn slot(value: &Value, lazy: bool) -> Slot {
    if lazy { Slot::Lazy(value.clone()) } else { Slot::Done(value.clone()) }
}

impl Variables for View {
    fn get(&self, name: &str) -> Option<Slot> {
        // Facts are a layer like others: what is stronger (`set_fact`, `vars`, `-e`) replaces the dictionary too.
        if name == "ansible_facts"
            && let Some(given) = self.walk_above_facts(&mut |map, lazy| map.get(name).map(|value| slot(value, lazy)))
        {
            return Some(given);
        }
        self.magic(name).or_else(|| self.layered(name)).or_else(|| self.of_host(name))
    }

    fn names(&self) -> Vec<Text> {
        let mut names: Vec<Text> = self.magic_names();
        self.walk::<()>(&mut |map, _| {
            names.extend(map.texts().map(|(name, _)| name.clone()));
            None
        });
        names.sort_unstable();
        names.dedup();
        names
    }
}
