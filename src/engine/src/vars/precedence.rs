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
use crate::vars::{HostFacts, PlayScope, World, facts, reserved};

/// What a layer of variables is, as far as its strength goes.
/// Strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LayerKind {
    Extra,
    Include,
    RoleParams,
    Set,
    Included,
    Task,
    RoleVars,
    PlayRoleVars,
    VarsFile,
    Play,
    Facts,
    Inventory,
    RoleDefaults,
    PlayRoleDefaults,
}

impl LayerKind {
    /// Whether the strongest map of this kind replaces the others even where mappings are merged.
    fn replaces(self) -> bool {
        matches!(self, Self::Task | Self::Include)
    }
}

/// Who wrote a layer of a step.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Writer<'a> {
    /// The task itself.
    Task,
    /// A block, or an import.
    Block,
    /// A dynamic include: of a file, or of a role.
    Include(Option<&'a std::path::Path>),
    /// A role: its files, or the place where it is used.
    Role(&'a Role),
    /// A role that brought the role in.
    Parent(&'a Role),
}

/// The layers that depend on the step alone, strongest first within each.
#[derive(Debug, Default)]
pub(crate) struct StepLayers {
    include: Vec<Map>,
    params: Vec<Map>,
    task: Vec<Map>,
    role_vars: Vec<Map>,
    /// Of the roles that brought the role in.
    parent_vars: Vec<Map>,
    role_defaults: Vec<Map>,
    /// Maps of an include or a role that count once more where mappings are merged: they are weaker there, so that only
    /// the order of keys tells.
    again_task: Vec<Map>,
    again_role: Vec<Map>,
    again_include: Vec<Map>,
    /// Names among all of these that should not be variables.
    pub(crate) reserved: Vec<Text>,
}

/// Visits the layers that depend on the step alone: of each kind the strongest first.
pub(crate) fn visit_step<'s>(step: &'s Step, visit: &mut dyn FnMut(LayerKind, &'s Map, Writer<'s>)) {
    if let Some(task) = step.task() {
        visit(LayerKind::Task, &task.common.vars, Writer::Task);
    }
    for level in step.level.outward() {
        match &level.kind {
            LevelKind::Block => visit(LayerKind::Task, &level.common.vars, Writer::Block),
            LevelKind::Include { vars, file } => {
                visit(LayerKind::Task, &level.common.vars, Writer::Include(file.as_deref()));
                visit(LayerKind::Include, vars, Writer::Include(file.as_deref()));
            }
            LevelKind::Play | LevelKind::Role { .. } => {}
        }
    }
    let Some(role) = &step.role else { return };
    let dependencies = step.level.outward().find_map(|level| match &level.kind {
        LevelKind::Role { role: at, dependencies } if Arc::ptr_eq(at, role) => Some(dependencies.as_slice()),
        _ => None,
    });
    let dependencies = dependencies.unwrap_or_default();
    visit(LayerKind::RoleVars, &role.common.vars, Writer::Role(role));
    visit(LayerKind::RoleVars, &role.vars, Writer::Role(role));
    for dependency in dependencies.iter().rev() {
        visit(LayerKind::RoleVars, &dependency.vars, Writer::Role(dependency));
    }
    let chain = || std::iter::successors(Some(&**role), |role| role.parent.as_deref());
    for parent in chain().skip(1) {
        visit(LayerKind::RoleVars, &parent.vars, Writer::Parent(parent));
        visit(LayerKind::RoleVars, &parent.common.vars, Writer::Parent(parent));
    }
    for role in chain() {
        visit(LayerKind::RoleParams, &role.params, Writer::Role(role));
        visit(LayerKind::RoleDefaults, &role.defaults, Writer::Role(role));
    }
    for dependency in dependencies.iter().rev() {
        visit(LayerKind::RoleDefaults, &dependency.defaults, Writer::Role(dependency));
    }
}

impl StepLayers {
    /// The layers of a step. Call through [`layers`], which keeps them.
    fn new(step: &Step) -> Self {
        let mut layers = Self::default();
        if let Some(role) = &step.role {
            layers.again_role.extend([role.vars.clone(), role.common.vars.clone()]);
        }
        visit_step(step, &mut |kind, map, writer| {
            if map.is_empty() {
                return;
            }
            layers.reserved.extend(reserved::among(map).cloned());
            match kind {
                LayerKind::Include => {
                    match writer {
                        Writer::Include(Some(_)) => layers.again_task.push(map.clone()),
                        _ => layers.again_include.push(map.clone()),
                    }
                    layers.include.push(map.clone());
                }
                LayerKind::RoleParams => layers.params.push(map.clone()),
                LayerKind::RoleVars => match writer {
                    Writer::Parent(_) => layers.parent_vars.push(map.clone()),
                    _ => layers.role_vars.push(map.clone()),
                },
                LayerKind::RoleDefaults => layers.role_defaults.push(map.clone()),
                _ => layers.task.push(map.clone()),
            }
        });
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
    pub(crate) fn walk<T>(&self, visit: &mut dyn FnMut(LayerKind, &Map, bool) -> Option<T>) -> Option<T> {
        self.walk_above_facts(visit).or_else(|| self.walk_from_facts(visit))
    }

    fn walk_above_facts<T>(&self, visit: &mut dyn FnMut(LayerKind, &Map, bool) -> Option<T>) -> Option<T> {
        let step = self.step.as_deref().map(|step| &**layers(step));
        let play = self.play.as_deref();
        let mut all = |kind: LayerKind, maps: &[Map], lazy: bool| maps.iter().find_map(|map| visit(kind, map, lazy));
        let one = std::slice::from_ref;
        let again = step.filter(|_| self.world.options().merge_hashes);
        all(LayerKind::Extra, one(&self.world.options().extra_vars), true)
            .or_else(|| all(LayerKind::Include, &step?.include, true))
            .or_else(|| all(LayerKind::RoleParams, &step?.params, true))
            .or_else(|| all(LayerKind::Set, one(&self.facts.set), false))
            .or_else(|| all(LayerKind::Included, one(&self.facts.included), true))
            .or_else(|| all(LayerKind::Task, &step?.task, true))
            .or_else(|| all(LayerKind::Task, &again?.again_task, true))
            .or_else(|| all(LayerKind::RoleVars, &step?.role_vars, true))
            .or_else(|| all(LayerKind::RoleVars, &again?.again_role, true))
            .or_else(|| all(LayerKind::RoleVars, &step?.parent_vars, true))
            .or_else(|| all(LayerKind::RoleVars, &again?.again_include, true))
            .or_else(|| all(LayerKind::PlayRoleVars, &play?.role_vars(), true))
            .or_else(|| all(LayerKind::VarsFile, &self.files, true))
            .or_else(|| all(LayerKind::Play, one(&play?.vars), true))
    }

    fn walk_from_facts<T>(&self, visit: &mut dyn FnMut(LayerKind, &Map, bool) -> Option<T>) -> Option<T> {
        let step = self.step.as_deref().map(|step| &**layers(step));
        let play = self.play.as_deref();
        let mut all = |kind: LayerKind, maps: &[Map], lazy: bool| maps.iter().find_map(|map| visit(kind, map, lazy));
        all(LayerKind::Facts, std::slice::from_ref(&self.facts.injected), false)
            .or_else(|| all(LayerKind::Inventory, &self.inventory, true))
            .or_else(|| all(LayerKind::RoleDefaults, &step?.role_defaults, true))
            .or_else(|| all(LayerKind::PlayRoleDefaults, &play?.role_defaults(), true))
    }

    fn layered(&self, name: &str) -> Option<Slot> {
        if self.world.options().merge_hashes {
            return self.merged(name).map(|(value, lazy)| slot(&value, lazy));
        }
        self.walk(&mut |_, map, lazy| map.get(name).map(|value| slot(value, lazy)))
    }

    /// `hash_behaviour=merge`: mappings of all layers are combined, the strongest winning key by key.
    fn merged(&self, name: &str) -> Option<(Value, bool)> {
        let mut found: Vec<(LayerKind, Value)> = Vec::new();
        let mut any = false;
        self.walk::<()>(&mut |kind, map, lazy| {
            let value = map.get(name)?;
            if !(kind.replaces() && found.last().is_some_and(|(last, _)| *last == kind)) {
                any |= lazy;
                found.push((kind, value.clone()));
            }
            // Below what is no mapping nothing is merged.
            (!matches!(value, Value::Map(_))).then_some(())
        });
        // As ansible-core: what one role or play brings is combined first, then with what is weaker.
        let mut merged: Option<Value> = None;
        let groups: Vec<_> = found.chunk_by(|(a, _), (b, _)| a == b).collect();
        for group in groups.into_iter().rev() {
            let value = group.iter().rev().map(|(_, value)| value.clone()).reduce(combined)?;
            merged = Some(match merged {
                Some(weak) => combined(weak, value),
                None => value,
            });
        }
        merged.map(|value| (value, any))
    }
}

/// One value over a weaker one.
fn combined(weak: Value, strong: Value) -> Value {
    match (&weak, &strong) {
        (Value::Map(old), Value::Map(new)) => Value::Map(facts::merge_maps(old, new, true)),
        _ => strong,
    }
}

fn slot(value: &Value, lazy: bool) -> Slot {
    if lazy { Slot::Lazy(value.clone()) } else { Slot::Done(value.clone()) }
}

impl Variables for View {
    fn get(&self, name: &str) -> Option<Slot> {
        // Facts are a layer like others: what is stronger (`set_fact`, `vars`, `-e`) replaces the dictionary too.
        if name == "ansible_facts"
            && let Some(given) = self.walk_above_facts(&mut |_, map, lazy| map.get(name).map(|value| slot(value, lazy)))
        {
            return Some(given);
        }
        self.magic(name).or_else(|| self.layered(name)).or_else(|| self.of_host(name))
    }

    fn names(&self) -> Vec<Text> {
        let mut names: Vec<Text> = self.magic_names();
        self.walk::<()>(&mut |_, map, _| {
            names.extend(map.texts().map(|(name, _)| name.clone()));
            None
        });
        names.sort_unstable();
        names.dedup();
        names
    }
}
