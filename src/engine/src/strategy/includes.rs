//! Dynamic includes on the play's side: files and roles are loaded once for all hosts that came to them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rplay_diag::{Diagnose as _, Span};
use rplay_event::{EventKind, Outcome, Report, TaskId, TaskResult};
use rplay_playbook::{Context, Include, PlaybookError, RoleRequest};
use rplay_value::{Map, Text, Value};

use crate::error::EngineError;
use crate::explain::{ITEMS, item_of};
use crate::journal::Origin;
use crate::plan::{Entry, LevelKind, PlanBlock, Step, StepId, dependencies};
use crate::play::keyword_error;
use crate::ran::{Effect, IncludeRequest, Ran};
use crate::strategy::PlayRun;
use crate::strategy::linear::HostRan;
use crate::task::TaskCx;
use crate::vars::PlayRole;

/// One include that some hosts came to.
struct Group {
    request: IncludeRequest,
    label: Option<Value>,
    hosts: Vec<Arc<str>>,
    /// Those of them that came to it now, not before the run was interrupted.
    new: Vec<Arc<str>>,
    /// The result of the first host, for a failure.
    data: Map,
}

/// What an include brought.
#[derive(Clone)]
enum Brought {
    Block(Arc<PlanBlock>),
    Handlers(Vec<Arc<Step>>),
}

/// What includes brought to hosts that are not in step with one another: by the including step and what it asked for.
#[derive(Default)]
pub(super) struct Loaded(HashMap<(StepId, String), Vec<LoadedOne>>);

struct LoadedOne {
    request: IncludeRequest,
    shown: String,
    brought: Brought,
}

impl PlayRun<'_> {
    /// Loads what hosts came to include and continues them there. A file that is not there fails those hosts.
    pub(super) fn expand_includes(
        &mut self,
        step: &Arc<Step>,
        task: TaskId,
        mut results: Vec<HostRan>,
    ) -> Result<Vec<HostRan>, EngineError> {
        let Some(include) = step.task().and_then(|task| task.include.clone()) else { return Ok(results) };
        let groups = self.groups(&results);
        if groups.is_empty() {
            for result in &results {
                self.go_on_to_start(&result.host);
            }
            return Ok(results);
        }
        let mut blocks: HashMap<Arc<str>, Vec<Entry>> = HashMap::new();
        let mut included = Vec::new();
        // A host fails once, however many of a loop's includes are not there: the second failure would fail its rescue.
        let mut lost: HashSet<Arc<str>> = HashSet::new();
        for group in groups {
            match self.load_once(step, &include, &group) {
                Ok((shown, brought)) => {
                    for host in &group.hosts {
                        self.run.recap(|recap| recap.host(host).ok += 1);
                    }
                    if !group.new.is_empty() {
                        let (hosts, label) = (group.new.clone(), group.label.clone());
                        self.run.emit(EventKind::Included { task, file: shown, hosts, label });
                    }
                    match brought {
                        Brought::Block(block) => {
                            block.steps(&mut included);
                            for host in &group.hosts {
                                blocks.entry(Arc::clone(host)).or_default().push(Entry::Block(Arc::clone(&block)));
                            }
                        }
                        Brought::Handlers(steps) => {
                            for host in &group.hosts {
                                for step in &steps {
                                    self.handlers.notify(step.id, host);
                                }
                                if let Some(state) = self.states.get_mut(host) {
                                    state.cursor.insert_handlers(&steps);
                                }
                            }
                            included.extend(steps);
                        }
                    }
                }
                Err(LoadError::Reason(reason, span)) => {
                    self.include_failed(task, &group, &reason, span.or(step.span()), &mut results);
                    lost.extend(group.hosts.iter().cloned());
                }
                Err(LoadError::Fatal(error)) => return Err(error),
            }
        }
        for host in lost {
            self.fail_host(&host);
            self.failed.insert(host);
        }
        for (host, block) in blocks {
            if let Some(state) = self.states.get_mut(&host) {
                state.cursor.insert(Arc::new(PlanBlock { block, ..PlanBlock::default() }));
            }
        }
        if !self.strategy.is_free() {
            self.steps.splice(self.at..self.at, included);
        }
        for result in &results {
            self.go_on_to_start(&result.host);
        }
        Ok(results)
    }

    /// What an include brings on a host, as far as it is known without running anything. Each file once for a place.
    pub(crate) fn look_into(
        &mut self,
        step: &Arc<Step>,
        host: &Arc<str>,
        seen: &mut HashSet<(Option<Span>, String)>,
    ) -> Vec<Arc<Step>> {
        let mut out = Vec::new();
        let Some(task) = step.task().cloned() else { return out };
        let Some(include) = &task.include else { return out };
        let cx = TaskCx {
            run: self.run,
            play: self.scope,
            step,
            task: &task,
            host: Arc::clone(host),
            id: self.run.last_task(),
            overrides: None,
            before: None,
        };
        let Ok(scope) = cx.scope() else { return out };
        let items: Vec<Map> = match cx.loop_items(&scope) {
            Ok(Some(items)) => items.iter().take(ITEMS).map(|item| item_of(step, item)).collect(),
            Ok(None) | Err(_) => vec![Map::new()],
        };
        let mut requests = Vec::new();
        for item in items {
            let mut scope = scope.clone();
            for (name, value) in item.texts() {
                scope = scope.with(name.as_str(), value.clone());
            }
            requests.extend(cx.include_request(include, &scope, &item).ok());
        }
        for request in requests {
            let name = key(&request);
            if !seen.insert((step.span(), name)) {
                continue;
            }
            let group = Group { request, label: None, hosts: Vec::new(), new: Vec::new(), data: Map::new() };
            match self.load(step, include, &group) {
                Ok((_, Brought::Block(block))) => block.steps(&mut out),
                Ok((_, Brought::Handlers(steps))) => out.extend(steps),
                // It fails when it runs, and says so there.
                Err(_) => {}
            }
        }
        out
    }

    /// Equal includes of several hosts are one. A host that comes to the same include twice starts another.
    fn groups(&self, results: &[HostRan]) -> Vec<Group> {
        // Results come as hosts finish; includes are made in the order of the hosts.
        let order: HashMap<&Arc<str>, usize> = self.hosts.iter().enumerate().map(|(i, host)| (host, i)).collect();
        let mut sorted: Vec<&HostRan> = results.iter().collect();
        sorted.sort_by_key(|result| order.get(&result.host).copied().unwrap_or(usize::MAX));
        let mut groups: Vec<Group> = Vec::new();
        let mut index: HashMap<String, Vec<usize>> = HashMap::new();
        for HostRan { host, ran, from } in sorted {
            let new = (*from != Origin::Journal).then(|| Arc::clone(host));
            for part in ran.parts() {
                if part.skipped() || part.failed() {
                    continue;
                }
                for effect in &part.effects {
                    let Effect::Include(request) = effect else { continue };
                    let places = index.entry(key(request)).or_default();
                    let free = places
                        .iter()
                        .copied()
                        .find(|i| groups[*i].hosts.last() != Some(host) && groups[*i].request == *request);
                    if let Some(i) = free {
                        groups[i].hosts.push(Arc::clone(host));
                        groups[i].new.extend(new.clone());
                    } else {
                        places.push(groups.len());
                        groups.push(Group {
                            request: request.clone(),
                            label: part.label.clone(),
                            hosts: vec![Arc::clone(host)],
                            new: new.iter().cloned().collect(),
                            data: part.result.clone(),
                        });
                    }
                }
            }
        }
        groups
    }

    /// As [`PlayRun::load`]; hosts that are not in step get what the first of them got.
    fn load_once(
        &mut self,
        step: &Arc<Step>,
        include: &Include,
        group: &Group,
    ) -> Result<(String, Brought), LoadError> {
        if !self.strategy.is_free() {
            return self.load(step, include, group);
        }
        let key = (step.id, key(&group.request));
        let mut alike = self.loaded.0.get(&key).into_iter().flatten();
        if let Some(one) = alike.find(|one| one.request == group.request) {
            return Ok((one.shown.clone(), one.brought.clone()));
        }
        let (shown, brought) = self.load(step, include, group)?;
        let one = LoadedOne { request: group.request.clone(), shown: shown.clone(), brought: brought.clone() };
        self.loaded.0.entry(key).or_default().push(one);
        Ok((shown, brought))
    }

    fn load(&mut self, step: &Arc<Step>, include: &Include, group: &Group) -> Result<(String, Brought), LoadError> {
        let world = self.run.world();
        let mut context = Context::default();
        context.playbook_dir = world.playbook_dir().to_path_buf();
        context.role.clone_from(&step.role);
        context.handlers = step.handler;
        context.files = step.files(&self.run.options().sources);
        context.vars = vec![self.play.common.vars.clone()];
        context.collections = step.collections().to_vec();
        context.default_collection = self.run.resolver().collections().of_path(&self.play.path).map(Text::data);
        let span = step.span();
        let (shown, entries) = match (&group.request, include) {
            (IncludeRequest::Tasks { file, vars }, Include::Tasks { apply, .. }) => {
                let included = self.loader.include_tasks(file, span, &context)?;
                let kind = LevelKind::Include { vars: vars.clone(), file: Some(included.path.clone()) };
                let level = step.level.child(apply, kind);
                let mut handlers = Vec::new();
                self.planner.handlers(&included.handlers, &level, &mut handlers);
                self.handlers.add(handlers);
                let shown = included.path.display().to_string();
                if step.handler {
                    let mut steps = Vec::new();
                    self.planner.handlers(&included.items, &level, &mut steps);
                    self.run.warn_loaded(self.loader.take_warnings());
                    return Ok((shown, Brought::Handlers(steps)));
                }
                (shown, self.planner.items(&included.items, &level))
            }
            (
                IncludeRequest::Role { name, from, vars },
                Include::Role { apply, public, allow_duplicates, rolespec_validate, .. },
            ) => {
                let flag = |name: &str, field: &Option<rplay_playbook::Field<bool>>, default: bool| {
                    let value = self.run.maybe::<bool>(name, field.as_ref(), &self.templates);
                    value
                        .map(|value| value.unwrap_or(default))
                        .map_err(|trouble| LoadError::Fatal(keyword_error(trouble, span)))
                };
                let request = RoleRequest {
                    name: name.clone(),
                    from: from.clone(),
                    vars: Map::new(),
                    public: flag("public", public, false)?,
                    allow_duplicates: flag("allow_duplicates", allow_duplicates, true)?,
                    validate: flag("rolespec_validate", rolespec_validate, true)?,
                    span,
                };
                let role = self.loader.include_role(request, &context)?;
                let kind = LevelKind::Include { vars: vars.clone(), file: None };
                let level = step.level.child(apply, kind);
                self.scope.publish(&[PlayRole { role: Arc::clone(&role.role), dependencies: dependencies(&role) }]);
                let mut handlers = Vec::new();
                self.planner.role_handlers(&role, &level, &mut handlers);
                self.handlers.add(handlers);
                (name.clone(), self.planner.role(&role, &level))
            }
            _ => (String::new(), Vec::new()),
        };
        self.run.warn_loaded(self.loader.take_warnings());
        let block = self.filter(entries).map_err(LoadError::Fatal)?;
        Ok((shown, Brought::Block(Arc::new(PlanBlock { block, ..PlanBlock::default() }))))
    }

    fn include_failed(
        &mut self,
        task: TaskId,
        group: &Group,
        reason: &str,
        span: Option<Span>,
        results: &mut [HostRan],
    ) {
        self.run.emit(EventKind::Failed(Report::new(reason, self.run.place(span))));
        for host in &group.hosts {
            let mut data = group.data.clone();
            data.remove("include_args");
            data.insert("reason", reason);
            self.run.recap(|recap| recap.host(host).failed += 1);
            let result = Arc::new(TaskResult { data: data.clone(), ..TaskResult::default() });
            let outcome = Outcome::Failed { ignored: false, rescued: false };
            self.run.emit(EventKind::HostFinished { task, host: Arc::clone(host), outcome, result });
            if let Some(own) = results.iter_mut().find(|result| result.host == *host) {
                data.insert("failed", true);
                own.ran = Ran::of(data);
            }
            if let Some(journal) = self.run.journal() {
                journal.write_undone(host);
            }
        }
    }
}

/// Why an include brought nothing.
enum LoadError {
    /// It is not there: the hosts fail.
    Reason(String, Option<Span>),
    /// It is broken: the run ends.
    Fatal(EngineError),
}

impl From<PlaybookError> for LoadError {
    fn from(error: PlaybookError) -> Self {
        match error {
            PlaybookError::NoFile { .. } | PlaybookError::NoRole { .. } | PlaybookError::Io { .. } => {
                let span = error.diagnostic().labels.first().map(|label| label.span);
                Self::Reason(error.to_string(), span)
            }
            other => Self::Fatal(other.into()),
        }
    }
}

/// Equal for equal includes; unequal ones rarely share one.
fn key(request: &IncludeRequest) -> String {
    let (name, vars) = match request {
        IncludeRequest::Tasks { file, vars } => (file, vars),
        IncludeRequest::Role { name, vars, .. } => (name, vars),
    };
    let text = serde_json::to_string(vars).unwrap_or_default();
    format!("{name}\0{text}")
}
