//! How the hosts of a play go through its tasks.

mod choice;
mod debugger;
mod free;
mod includes;
mod linear;
mod meta;
mod results;
mod start;
mod tripleo;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rplay_event::PlayId;
use rplay_playbook::{Action, Common, Field, Loader, Play, TagSelection, Task};
use rplay_template::Scope;
use rplay_value::{List, Map, Text, Value};

use crate::error::EngineError;
use crate::handlers::Handlers;
use crate::iterate::Cursor;
use crate::options::Gathering;
use crate::plan::{Entry, Level, PlanBlock, Planner, Step, StepId, StepKind};
use crate::play::{keyword_error, words};
use crate::run::{Out, Run, RunOutcome};
use crate::strategy::includes::Loaded;
use crate::vars::PlayScope;

pub(crate) use choice::{Strategy, of_plugin};
pub(crate) use linear::HostRan;

/// How a batch ended.
pub(crate) struct BatchEnd {
    pub(crate) outcome: RunOutcome,
    pub(crate) failed: HashSet<Arc<str>>,
    pub(crate) unreachable: HashSet<Arc<str>>,
    pub(crate) end_play: bool,
    pub(crate) break_play: bool,
    pub(crate) start_at_done: bool,
}

/// One host's part in a batch.
struct HostState {
    cursor: Cursor,
    /// What was notified and not looked at by a flush yet.
    notifications: Vec<String>,
    /// Roles that are through and must not run twice, by identity.
    completed: HashSet<u64>,
    /// Roles of which a task has run, by identity.
    touched: HashSet<u64>,
}

/// One batch of a play.
pub(crate) struct PlayRun<'r> {
    run: &'r Run,
    loader: &'r Loader<'r>,
    play: &'r Arc<Play>,
    scope: &'r Arc<PlayScope>,
    id: PlayId,
    strategy: Strategy,
    /// What the play sees without any host.
    templates: Scope,
    tags: TagSelection,
    planner: Planner,
    /// In the order of the batch.
    hosts: Vec<Arc<str>>,
    states: HashMap<Arc<str>, HostState>,
    handlers: Handlers,
    /// Every step in the order of the text: what keeps hosts in step with one another.
    steps: Vec<Arc<Step>>,
    at: usize,
    failed: HashSet<Arc<str>>,
    unreachable: HashSet<Arc<str>>,
    end_play: bool,
    gather: bool,
    max_fail: Option<f64>,
    step_mode: bool,
    start_at_done: bool,
    /// Hosts whose connection is to be made anew, with the task that said so.
    resets: Vec<(Arc<str>, Arc<Step>)>,
    /// Failures that cannot be lived with: later plays are not run.
    break_play: bool,
    /// A task that ran said that its errors are fatal (free strategies).
    any_errors_fatal: bool,
    /// Steps of which the only run has been given away (`tripleo_free`).
    once: HashSet<StepId>,
    /// What includes brought to hosts that are not in step.
    loaded: Loaded,
    /// Hosts on their way through includes to the task to start at.
    seeking: HashSet<Arc<str>>,
    /// Failed hosts by `tripleo_role_name`.
    failed_by_role: HashMap<String, HashSet<Arc<str>>>,
}

impl<'r> PlayRun<'r> {
    pub(crate) fn new(
        run: &'r Run,
        loader: &'r Loader<'r>,
        play: &'r Arc<Play>,
        scope: &'r Arc<PlayScope>,
        id: PlayId,
        strategy: Strategy,
        batch: &[Arc<str>],
    ) -> Result<Self, EngineError> {
        let options = run.options();
        let view = run.view(None, Some(scope), None).map_err(|trouble| keyword_error(trouble, play.span))?;
        let templates = view.into_scope();
        let flag = |name: &str, field: Option<&Field<bool>>| {
            run.maybe::<bool>(name, field, &templates)
                .map_err(|trouble| keyword_error(trouble, field.and_then(|field| field.span)))
        };
        let wanted = flag("gather_facts", play.gather_facts.as_ref())?;
        let gather = match options.gathering {
            Gathering::Implicit | Gathering::Smart => wanted != Some(false),
            Gathering::Explicit => wanted == Some(true),
        };
        let force = flag("force_handlers", play.force_handlers.as_ref())?.unwrap_or(options.force_handlers);
        let max_fail = run
            .maybe::<f64>("max_fail_percentage", play.max_fail_percentage.as_ref(), &templates)
            .map_err(|trouble| keyword_error(trouble, play.span))?;
        let mut this = Self {
            run,
            loader,
            play,
            scope,
            id,
            strategy,
            templates,
            tags: TagSelection::new(&options.tags, &options.skip_tags),
            planner: Planner::default(),
            hosts: batch.to_vec(),
            states: HashMap::with_capacity(batch.len()),
            handlers: Handlers::default(),
            steps: Vec::new(),
            at: 0,
            failed: HashSet::new(),
            unreachable: HashSet::new(),
            end_play: false,
            gather,
            max_fail,
            step_mode: options.step,
            start_at_done: false,
            resets: Vec::new(),
            break_play: false,
            any_errors_fatal: false,
            once: HashSet::new(),
            loaded: Loaded::default(),
            seeking: HashSet::new(),
            failed_by_role: HashMap::new(),
        };
        let root = Arc::new(this.plan(force)?);
        root.steps(&mut this.steps);
        for host in batch {
            let state = HostState {
                cursor: Cursor::new(Arc::clone(&root)),
                notifications: Vec::new(),
                completed: HashSet::new(),
                touched: HashSet::new(),
            };
            this.states.insert(Arc::clone(host), state);
        }
        Ok(this)
    }

    pub(crate) fn run(&self) -> &'r Run {
        self.run
    }

    pub(crate) fn play_scope(&self) -> &'r Arc<PlayScope> {
        self.scope
    }

    /// Every step that is known: those of the sections, then the handlers.
    pub(crate) fn all_steps(&self) -> Vec<Arc<Step>> {
        self.steps.iter().chain(self.handlers.list().iter()).cloned().collect()
    }

    /// Takes over who is out already, and goes to the task to start at.
    pub(crate) fn with_out(mut self, out: &Out, start_at_done: bool) -> Self {
        for host in &out.failed {
            if let Some(state) = self.states.get_mut(host) {
                state.cursor.end();
                state.cursor.fail();
            }
            self.scope.remove(host);
        }
        for host in &out.unreachable {
            self.scope.remove(host);
        }
        self.unreachable.clone_from(&out.unreachable);
        if !start_at_done {
            self.go_to_start();
        }
        self
    }

    /// The play as entries: gathering of facts, then its sections with a flush of the handlers after each.
    fn plan(&mut self, force: bool) -> Result<PlanBlock, EngineError> {
        let play = self.play;
        let level = Level::play(Arc::clone(&play.common));
        let mut handlers = Vec::new();
        for role in &play.roles {
            self.planner.role_handlers(role, &level, &mut handlers);
        }
        self.planner.handlers(&play.handlers, &level, &mut handlers);
        self.handlers = Handlers::new(handlers);

        let mut roles = Vec::new();
        for role in &play.roles {
            roles.extend(self.planner.role(role, &level));
        }
        roles.extend(self.planner.items(&play.tasks, &level));
        let pre = self.planner.items(&play.pre_tasks, &level);
        let post = self.planner.items(&play.post_tasks, &level);
        let mut root = PlanBlock::default();
        if self.gather {
            let step = Entry::Step(self.planner.setup(Arc::new(self.setup_task()), &level));
            root.block.extend(self.filter(vec![step])?);
        }
        for section in [pre, roles, post] {
            let flush = Entry::Step(self.planner.step(StepKind::Flush, &level, None));
            let mut section = self.filter(section)?;
            if force {
                if section.is_empty() {
                    section.push(Entry::Step(self.planner.step(StepKind::Noop, &level, None)));
                }
                root.block.push(Entry::Block(Arc::new(PlanBlock {
                    block: section,
                    always: vec![flush],
                    ..PlanBlock::default()
                })));
            } else {
                root.block.extend(section);
                root.block.push(flush);
            }
        }
        Ok(root)
    }

    /// The implicit gathering of facts. It runs whatever tags are asked for, unless the play has tags of its own.
    fn setup_task(&self) -> Task {
        let play = self.play;
        let mut args = Map::new();
        let options = self.run.options();
        match &play.gather_subset {
            Some(field) => {
                let value = match &field.value {
                    rplay_playbook::Written::Const(texts) => Value::List(texts.iter().cloned().collect()),
                    rplay_playbook::Written::Template(value) => value.clone(),
                };
                args.insert("gather_subset", value);
            }
            None => {
                if let Some(subset) = &options.gather_subset {
                    args.insert("gather_subset", subset.iter().collect::<List>());
                }
            }
        }
        let timeout = play.gather_timeout.as_ref().map(|field| match &field.value {
            rplay_playbook::Written::Const(seconds) => Value::from(*seconds),
            rplay_playbook::Written::Template(value) => value.clone(),
        });
        if let Some(timeout) = timeout.or_else(|| options.gather_timeout.map(Value::from)) {
            args.insert("gather_timeout", timeout);
        }
        if let Some(field) = &play.fact_path {
            let value = match &field.value {
                rplay_playbook::Written::Const(text) => Value::Text(text.clone()),
                rplay_playbook::Written::Template(value) => value.clone(),
            };
            args.insert("fact_path", value);
        }
        let mut common = Common { run_once: Some(Field::new(false)), ..Common::default() };
        if play.common.tags.is_empty() {
            common.tags.push(Text::data("always"));
        }
        let action =
            Action { resolved: Arc::from("ansible.builtin.gather_facts"), args, ..Action::named("gather_facts") };
        Task { common: Arc::new(common), name: Some(Text::data("Gathering Facts")), ..Task::calling(action) }
    }

    /// The entries that the tags asked for leave.
    fn filter(&self, entries: Vec<Entry>) -> Result<Vec<Entry>, EngineError> {
        let mut out = Vec::with_capacity(entries.len());
        for entry in entries {
            match entry {
                Entry::Step(step) if step.implicit => out.push(Entry::Step(step)),
                Entry::Step(step) => {
                    let tags = words(self.run, &step.tags(), &self.templates)
                        .map_err(|trouble| keyword_error(trouble, step.span()))?;
                    if self.tags.allows(&tags) {
                        out.push(Entry::Step(step));
                    }
                }
                Entry::Block(block) => {
                    let filtered = PlanBlock {
                        block: self.filter(block.block.clone())?,
                        rescue: self.filter(block.rescue.clone())?,
                        always: self.filter(block.always.clone())?,
                    };
                    if !filtered.is_empty() {
                        out.push(Entry::Block(Arc::new(filtered)));
                    }
                }
            }
        }
        Ok(out)
    }
}
