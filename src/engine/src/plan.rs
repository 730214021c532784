//! A play as it is walked: blocks and steps, each with its lineage.
//!
//! The playbook model has no parent pointers. Here every step gets a [`Level`]: the chain of blocks, includes, roles and
//! the play around it, from which keywords and variables are inherited.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use rplay_diag::{Sources, Span};
use rplay_playbook::{Block, Common, Condition, Field, Item, Origin, Role, RoleUse, Task};
use rplay_value::{Map, Text, Value};

use rplay_template::Surroundings;

use crate::vars::{StepLayers, World};

/// Names one step of one play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct StepId(u32);

/// One level of the lineage of a step.
#[derive(Debug)]
pub(crate) struct Level {
    /// The level around it; `None` for the play.
    pub(crate) parent: Option<Arc<Level>>,
    /// Keywords written at this level.
    pub(crate) common: Arc<Common>,
    /// What this level is.
    pub(crate) kind: LevelKind,
}

/// What a level is.
#[derive(Debug)]
pub(crate) enum LevelKind {
    /// The play.
    Play,
    /// A block, or a static import.
    Block,
    /// The use of a role, with the roles it depends on, flattened.
    Role { role: Arc<Role>, dependencies: Vec<Arc<Role>> },
    /// A dynamic include: its variables (the item's among them) are stronger than facts that were set.
    Include {
        /// The include's `vars` and its loop variables.
        vars: Map,
        /// The included file, for files included from there.
        file: Option<PathBuf>,
    },
}

impl Level {
    pub(crate) fn play(common: Arc<Common>) -> Arc<Self> {
        Arc::new(Self { parent: None, common, kind: LevelKind::Play })
    }

    pub(crate) fn child(self: &Arc<Self>, common: &Arc<Common>, kind: LevelKind) -> Arc<Self> {
        Arc::new(Self { parent: Some(Arc::clone(self)), common: Arc::clone(common), kind })
    }

    /// This level, then the ones around it.
    pub(crate) fn outward(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |level| level.parent.as_deref())
    }

    /// The levels from the play inward, ending with this one.
    pub(crate) fn inward(&self) -> Vec<&Self> {
        let mut levels: Vec<&Self> = self.outward().collect();
        levels.reverse();
        levels
    }
}

/// What a step does.
#[derive(Debug)]
pub(crate) enum StepKind {
    /// A task of the playbook.
    Task(Arc<Task>),
    /// Run what was notified; also what stands at the end of each section of a play.
    Flush,
    /// The end of a role: it counts as having run on a host.
    RoleComplete(Arc<Role>),
    /// Nothing: keeps a section that has only an `always`.
    Noop,
}

/// One step of a play: a task with its lineage.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) id: StepId,
    pub(crate) kind: StepKind,
    pub(crate) level: Arc<Level>,
    pub(crate) role: Option<Arc<Role>>,
    /// Added by the engine: no banner, not filtered by tags.
    pub(crate) implicit: bool,
    /// The implicit gathering of facts.
    pub(crate) setup: bool,
    pub(crate) handler: bool,
    pub(crate) layers: OnceLock<Arc<StepLayers>>,
    surroundings: OnceLock<Arc<Surroundings>>,
}

/// One entry of a section.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Block(Arc<PlanBlock>),
    Step(Arc<Step>),
}

/// `block`, `rescue`, `always`.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlanBlock {
    pub(crate) block: Vec<Entry>,
    pub(crate) rescue: Vec<Entry>,
    pub(crate) always: Vec<Entry>,
}

impl PlanBlock {
    /// Whether there is anything to do, implicit steps included.
    pub(crate) fn is_empty(&self) -> bool {
        self.block.is_empty() && self.rescue.is_empty() && self.always.is_empty()
    }

    /// Every step in the order of the text: block, rescue, always.
    pub(crate) fn steps(&self, out: &mut Vec<Arc<Step>>) {
        for entry in self.block.iter().chain(&self.rescue).chain(&self.always) {
            match entry {
                Entry::Block(block) => block.steps(out),
                Entry::Step(step) => out.push(Arc::clone(step)),
            }
        }
    }
}

impl Step {
    /// The task, unless this is one of the engine's own steps.
    pub(crate) fn task(&self) -> Option<&Arc<Task>> {
        match &self.kind {
            StepKind::Task(task) => Some(task),
            _ => None,
        }
    }

    /// The argument of `meta`, for the engine's own steps too.
    pub(crate) fn meta(&self) -> Option<&str> {
        match &self.kind {
            StepKind::Flush => Some("flush_handlers"),
            StepKind::RoleComplete(_) => Some("role_complete"),
            StepKind::Noop => Some("noop"),
            StepKind::Task(task) => is_builtin(&task.action.resolved, "meta").then(|| meta_argument(task)),
        }
    }

    /// Whether running it means running what was notified.
    pub(crate) fn is_flush(&self) -> bool {
        self.meta() == Some("flush_handlers")
    }

    /// The keywords of the task itself, then those of its levels outward.
    pub(crate) fn commons(&self) -> impl Iterator<Item = &Common> {
        self.task().map(|task| &*task.common).into_iter().chain(self.level.outward().map(|level| &*level.common))
    }

    /// The nearest level's value of a keyword.
    pub(crate) fn keyword<T>(&self, get: impl Fn(&Common) -> Option<&Field<T>>) -> Option<&Field<T>> {
        self.commons().find_map(get)
    }

    /// The collections searched for short names: those of the nearest level that says.
    pub(crate) fn collections(&self) -> &[Text] {
        self.commons().find_map(|common| common.collections.as_deref()).unwrap_or_default()
    }

    /// Every level's value of a keyword, nearest first: where one is omitted, the next counts.
    pub(crate) fn keywords<T>(&self, get: impl Fn(&Common) -> Option<&Field<T>>) -> Vec<&Field<T>> {
        self.commons().filter_map(get).collect()
    }

    /// All conditions, outermost first.
    pub(crate) fn conditions(&self) -> Vec<&Condition> {
        let mut levels: Vec<&Common> = self.commons().collect();
        levels.reverse();
        levels.into_iter().flat_map(|common| &common.when).collect()
    }

    /// All tags, outermost first.
    pub(crate) fn tags(&self) -> Vec<&Text> {
        let mut levels: Vec<&Common> = self.commons().collect();
        levels.reverse();
        levels.into_iter().flat_map(|common| &common.tags).collect()
    }

    /// All `environment` entries, outermost first.
    pub(crate) fn environment(&self) -> Vec<&Value> {
        let mut levels: Vec<&Common> = self.commons().collect();
        levels.reverse();
        levels.into_iter().flat_map(|common| &common.environment).collect()
    }

    /// All `module_defaults` entries, outermost first.
    pub(crate) fn module_defaults(&self) -> Vec<&Value> {
        let mut levels: Vec<&Common> = self.commons().collect();
        levels.reverse();
        levels.into_iter().flat_map(|common| &common.module_defaults).collect()
    }

    /// All handlers to notify, nearest level's last.
    pub(crate) fn notify(&self) -> Vec<&Text> {
        let mut levels: Vec<&Common> = self.commons().collect();
        levels.reverse();
        levels.into_iter().flat_map(|common| &common.notify).collect()
    }

    /// Where the task was written.
    pub(crate) fn span(&self) -> Option<Span> {
        self.task().and_then(|task| task.span)
    }

    /// Whether it loops.
    pub(crate) fn looped(&self) -> bool {
        self.task().is_some_and(|task| task.loop_.is_some())
    }

    /// Folders to look for files in: those of the role and of the roles that brought it in, then that of the file the
    /// task was written in.
    pub(crate) fn search_path(&self, playbook_dir: &Path, sources: &Sources) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = Vec::new();
        let mut add = |path: PathBuf| {
            if !paths.contains(&path) {
                paths.push(path);
            }
        };
        let mut role = self.role.as_ref();
        while let Some(at) = role {
            add(at.path.clone());
            role = at.parent.as_ref();
        }
        if let Some(name) = self.span().and_then(|span| sources.name(span.source)) {
            let own = std::path::absolute(&*name).unwrap_or_else(|_| PathBuf::from(&*name));
            add(own.parent().unwrap_or(playbook_dir).to_owned());
        }
        add(playbook_dir.to_owned());
        paths
    }

    /// Where its files are looked for.
    pub(crate) fn surroundings(&self, world: &World) -> &Arc<Surroundings> {
        self.surroundings.get_or_init(|| {
            let basedir = world.playbook_dir().to_path_buf();
            Arc::new(Surroundings { search_path: self.search_path(&basedir, &world.options().sources), basedir })
        })
    }

    /// The task files around it, outermost first, ending with the one it was written in.
    pub(crate) fn files(&self, sources: &Sources) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = Vec::new();
        for level in self.level.inward() {
            if let LevelKind::Include { file: Some(file), .. } = &level.kind {
                files.push(file.clone());
            }
        }
        if let Some(name) = self.span().and_then(|span| sources.name(span.source)) {
            let own = std::path::absolute(&*name).unwrap_or_else(|_| PathBuf::from(&*name));
            if files.last() != Some(&own) {
                files.push(own);
            }
        }
        files
    }
}

/// The argument of a `meta` task.
fn meta_argument(task: &Task) -> &str {
    match &task.action.free_form {
        Some(text) => text.as_str().trim(),
        None => task.action.args.get("_raw_params").and_then(Value::as_str).unwrap_or_default().trim(),
    }
}

/// Whether a resolved name is this builtin.
pub(crate) fn is_builtin(resolved: &str, name: &str) -> bool {
    let short = resolved
        .strip_prefix("ansible.builtin.")
        .or_else(|| resolved.strip_prefix("ansible.legacy."))
        .unwrap_or(resolved);
    short == name
}

/// Makes steps: numbers them and carries lineage down.
#[derive(Debug, Default)]
pub(crate) struct Planner {
    next: AtomicU32,
}

impl Planner {
    pub(crate) fn step(&self, kind: StepKind, level: &Arc<Level>, role: Option<&Arc<Role>>) -> Arc<Step> {
        let handler = matches!(&kind, StepKind::Task(task) if task.is_handler);
        Arc::new(self.bare(kind, level, role, handler))
    }

    fn bare(&self, kind: StepKind, level: &Arc<Level>, role: Option<&Arc<Role>>, handler: bool) -> Step {
        Step {
            id: StepId(self.next.fetch_add(1, Ordering::Relaxed)),
            implicit: !matches!(kind, StepKind::Task(_)),
            kind,
            level: Arc::clone(level),
            role: role.cloned(),
            setup: false,
            handler,
            layers: OnceLock::new(),
            surroundings: OnceLock::new(),
        }
    }

    /// The implicit gathering of facts.
    pub(crate) fn setup(&self, task: Arc<Task>, level: &Arc<Level>) -> Arc<Step> {
        Arc::new(Step { setup: true, ..self.bare(StepKind::Task(task), level, None, false) })
    }

    /// The entries of a list of items.
    pub(crate) fn items(&self, items: &[Item], level: &Arc<Level>) -> Vec<Entry> {
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            self.item(item, level, &mut out);
        }
        out
    }

    fn item(&self, item: &Item, level: &Arc<Level>, out: &mut Vec<Entry>) {
        match item {
            Item::Task(task) => {
                let role = task.role.clone();
                out.push(Entry::Step(self.step(StepKind::Task(Arc::clone(task)), level, role.as_ref())));
            }
            Item::Block(block) => out.push(Entry::Block(Arc::new(self.block(block, level)))),
        }
    }

    fn block(&self, block: &Block, level: &Arc<Level>) -> PlanBlock {
        let inner = level.child(&block.common, LevelKind::Block);
        match &block.origin {
            Origin::ImportRole(role) => PlanBlock { block: self.role(role, &inner), ..PlanBlock::default() },
            Origin::Plain | Origin::ImportTasks(_) => PlanBlock {
                block: self.items(&block.block, &inner),
                rescue: self.items(&block.rescue, &inner),
                always: self.items(&block.always, &inner),
            },
        }
    }

    /// A role's entries: its dependencies, its tasks, and the step that marks it as done.
    pub(crate) fn role(&self, role: &Arc<RoleUse>, level: &Arc<Level>) -> Vec<Entry> {
        let mut out = Vec::new();
        self.role_into(role, level, &mut out);
        out
    }

    fn role_into(&self, role: &Arc<RoleUse>, level: &Arc<Level>, out: &mut Vec<Entry>) {
        let inner = level.child(&role.role.common, role_level(role));
        for dependency in &role.dependencies {
            self.role_into(dependency, &inner, out);
        }
        out.extend(self.items(&role.tasks, &inner));
        out.push(Entry::Step(self.step(StepKind::RoleComplete(Arc::clone(&role.role)), &inner, Some(&role.role))));
    }

    /// Handlers, blocks taken apart: handlers have no rescue.
    pub(crate) fn handlers(&self, items: &[Item], level: &Arc<Level>, out: &mut Vec<Arc<Step>>) {
        for entry in self.items(items, level) {
            match entry {
                Entry::Step(step) => out.push(step),
                Entry::Block(block) => block.steps(out),
            }
        }
    }

    /// The handlers of a role and of the roles it depends on, which come first.
    pub(crate) fn role_handlers(&self, role: &Arc<RoleUse>, level: &Arc<Level>, out: &mut Vec<Arc<Step>>) {
        let inner = level.child(&role.role.common, role_level(role));
        for dependency in &role.dependencies {
            self.role_handlers(dependency, &inner, out);
        }
        self.handlers(&role.handlers, &inner, out);
    }
}

fn role_level(role: &RoleUse) -> LevelKind {
    LevelKind::Role { role: Arc::clone(&role.role), dependencies: dependencies(role) }
}

/// The roles a role depends on, flattened, in the order in which they run.
pub(crate) fn dependencies(role: &RoleUse) -> Vec<Arc<Role>> {
    let mut out = Vec::new();
    for dependency in &role.dependencies {
        out.extend(dependencies(dependency));
        out.push(Arc::clone(&dependency.role));
    }
    out
}

/// The roles that `import_role` brings into a list of items, in the order of the text.
pub(crate) fn imported_roles(items: &[Item], out: &mut Vec<Arc<RoleUse>>) {
    for item in items {
        let Item::Block(block) = item else { continue };
        if let Origin::ImportRole(role) = &block.origin {
            out.push(Arc::clone(role));
            imported_roles(&role.tasks, out);
        }
        for section in [&block.block, &block.rescue, &block.always] {
            imported_roles(section, out);
        }
    }
}
