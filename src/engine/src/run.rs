//! A run: playbooks over an inventory, play by play, batch by batch.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rplay_connection::Pool;
use rplay_diag::{Diagnostic, Span};
use rplay_event::{Emitter, EventKind, Notice, Place, PlayId, Recap, RunId, RunInfo, TaskId};
use rplay_inventory::{Inventory, Order};
use rplay_playbook::{AdHoc, Condition, Loader, Play};
use rplay_template::{Engine, Rendered, Scope, TemplateSource};
use rplay_value::{List, Map, Text, Value};

use crate::error::EngineError;
use crate::fields::Keyword;
use crate::journal::Quiet;
use crate::plan::Step;
use crate::ran::Ran;
use crate::strategy::{BatchEnd, PlayRun};
use crate::trouble::Trouble;
use crate::vars::{PlayScope, View, World};
use crate::worker::Worker;
use crate::{Resolver, RunOptions};

/// How a run ended, as Ansible's exit codes tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunOutcome {
    /// 0: every host is well.
    #[default]
    Ok,
    /// 2: a task failed on a host.
    Failed,
    /// 4: a host could not be reached.
    Unreachable,
}

impl RunOutcome {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 2,
            Self::Unreachable => 4,
        }
    }
}

/// Hosts that are out, across plays.
#[derive(Debug, Default)]
pub(crate) struct Out {
    pub(crate) failed: HashSet<Arc<str>>,
    pub(crate) unreachable: HashSet<Arc<str>>,
}

/// A run over an inventory.
pub struct Run {
    options: Arc<RunOptions>,
    world: Arc<World>,
    engine: Engine,
    pool: Pool,
    emitter: Emitter,
    /// For a run that goes on: what was shown before is not shown again.
    quiet: Option<Quiet>,
    resolver: Arc<Resolver>,
    loader_settings: rplay_playbook::Settings,
    recap: Mutex<Recap>,
    warned: Mutex<HashSet<Notice>>,
    followed: crate::background::Followed,
    templates: Mutex<HashMap<PathBuf, TemplateSource>>,
    /// The task that last found a host's Python.
    discoveries: Mutex<HashMap<Arc<str>, TaskId>>,
    /// Files of `vars_files`, read once a run: every host's every task asks for them.
    vars_files: Mutex<HashMap<PathBuf, Map>>,
    /// Processes of plugins in Python that the next item of their task goes on with.
    workers: RefCell<HashMap<(TaskId, Arc<str>), Worker>>,
    plays: AtomicU32,
    tasks: AtomicU32,
    out: Out,
    start_at_done: bool,
}

impl Run {
    /// A run of no playbook yet. The inventory is complete; its limit is in the options.
    pub fn new(
        options: RunOptions,
        inventory: Inventory,
        files: Arc<dyn rplay_inventory::Files>,
        resolver: Arc<Resolver>,
        loader_settings: rplay_playbook::Settings,
        pool: Pool,
        emitter: Emitter,
    ) -> Self {
        let options = Arc::new(options);
        let world = Arc::new(World::new(Arc::clone(&options), inventory, files));
        let engine = resolver.engine().clone();
        let quiet = options.journal.as_ref().filter(|journal| journal.resumed()).map(|_| Quiet::default());
        Self {
            options,
            world,
            engine,
            pool,
            emitter,
            quiet,
            resolver,
            loader_settings,
            recap: Mutex::default(),
            warned: Mutex::default(),
            followed: Mutex::default(),
            templates: Mutex::default(),
            discoveries: Mutex::default(),
            vars_files: Mutex::default(),
            workers: RefCell::default(),
            plays: AtomicU32::new(0),
            tasks: AtomicU32::new(0),
            out: Out::default(),
            start_at_done: false,
        }
    }

    pub(crate) fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    pub(crate) fn loader_settings(&self) -> &rplay_playbook::Settings {
        &self.loader_settings
    }

    pub(crate) fn options(&self) -> &RunOptions {
        &self.options
    }

    pub(crate) fn world(&self) -> &Arc<World> {
        &self.world
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn emit(&self, kind: EventKind) {
        match &self.quiet {
            None => self.emitter.emit(kind),
            Some(quiet) => quiet.emit(kind, &self.emitter),
        }
    }

    pub(crate) fn quiet(&self) -> Option<&Quiet> {
        self.quiet.as_ref()
    }

    pub(crate) fn followed<T>(&self, look: impl FnOnce(&mut HashMap<(Arc<str>, String), i64>) -> T) -> T {
        look(&mut self.followed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn emitter(&self) -> Emitter {
        self.emitter.clone()
    }

    pub(crate) fn flush_events(&self) {
        self.emitter.flush();
    }

    pub(crate) fn recap<T>(&self, change: impl FnOnce(&mut Recap) -> T) -> T {
        change(&mut self.recap.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The process that an item of this task has left.
    pub(crate) fn kept_worker(&self, task: TaskId, host: &Arc<str>) -> Option<Worker> {
        self.workers.borrow_mut().remove(&(task, Arc::clone(host)))
    }

    /// Keeps a process for the next item of its task.
    pub(crate) fn keep_worker(&self, task: TaskId, host: &Arc<str>, worker: Worker) {
        self.workers.borrow_mut().insert((task, Arc::clone(host)), worker);
    }

    pub(crate) fn next_task(&self) -> TaskId {
        TaskId(self.tasks.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The task that was announced last.
    pub(crate) fn last_task(&self) -> TaskId {
        TaskId(self.tasks.load(Ordering::Relaxed))
    }

    pub(crate) fn place(&self, span: Option<Span>) -> Option<Place> {
        span.and_then(|span| Place::of(&self.options.sources, span))
    }

    /// A warning of the run's own, shown once.
    pub(crate) fn warn(&self, notice: Notice) {
        let new = self.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(notice.clone());
        if new {
            self.emit(EventKind::Warned(notice));
        }
    }

    /// A deprecation of the run's own, shown once.
    pub(crate) fn deprecate(&self, notice: Notice) {
        let new = self.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(notice.clone());
        if new {
            self.emit(EventKind::Deprecated(notice));
        }
    }

    pub(crate) fn warn_at(&self, notice: Notice, span: Option<Span>) {
        self.warn(Notice { place: self.place(span), ..notice });
    }

    /// Warns about a variable whose name is reserved.
    pub(crate) fn warn_reserved(&self, name: &Text) {
        let message = format!("Found variable using reserved name {}.", Value::Text(name.clone()).repr());
        self.warn_at(Notice::new(message), name.origin());
    }

    pub(crate) fn warn_loaded(&self, diagnostics: Vec<Diagnostic>) {
        for diagnostic in diagnostics {
            let notice = Notice::of(&diagnostic, &self.options.sources);
            if diagnostic.severity == rplay_diag::Severity::Deprecated {
                let new = self.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(notice.clone());
                if new {
                    self.emit(EventKind::Deprecated(notice));
                }
            } else {
                self.warn(notice);
            }
        }
    }

    /// What a host sees at a step, files of variables that depend on the host included.
    pub(crate) fn view(
        &self,
        host: Option<&Arc<str>>,
        play: Option<&Arc<PlayScope>>,
        step: Option<&Arc<Step>>,
    ) -> Result<View, Trouble> {
        let mut view = View::new(&self.world, host, play, step)
            // A broken file of variables is named with its own place, not with the task's that needed it first.
            .map_err(|error| {
                let diagnostic = rplay_diag::Diagnose::diagnostic(&error);
                Trouble::message(diagnostic.message).at(diagnostic.labels.first().map(|label| label.span))
            })?;
        if let Some(play) = play {
            crate::play::add_files(self, play, &mut view)?;
        }
        Ok(view)
    }

    pub(crate) fn render(&self, value: &Value, scope: &Scope) -> Result<Rendered, Trouble> {
        Ok(self.engine.render(value, scope)?)
    }

    /// As [`Run::render`], with words about what is being rendered before the message.
    pub(crate) fn render_at(
        &self,
        value: &Value,
        scope: &Scope,
        what: impl FnOnce() -> String,
    ) -> Result<Rendered, Trouble> {
        self.engine.render(value, scope).map_err(|error| {
            let mut trouble = Trouble::from(error);
            if let Some(link) = trouble.chain.first_mut() {
                link.message = format!("{}: {}", what(), link.message);
                link.span = whole(link.span, value.origin());
            }
            trouble
        })
    }

    pub(crate) fn lookup(&self, name: &str, terms: Vec<Value>, options: &Map, scope: &Scope) -> Result<List, Trouble> {
        Ok(self.engine.lookup(name, terms, options, scope)?.into())
    }

    /// Whether a condition holds.
    pub(crate) fn condition(&self, condition: &Condition, scope: &Scope) -> Result<bool, Trouble> {
        match &condition.value {
            Value::Bool(value) => Ok(*value),
            value => self.engine.condition(value, scope).map_err(|error| {
                let mut trouble = Trouble::from(error);
                if let Some(link) = trouble.chain.first_mut() {
                    link.span = whole(link.span, value.origin().or(condition.span));
                }
                trouble
            }),
        }
    }

    /// A variable's text; `None` when it is not set, null or omitted.
    pub(crate) fn text_variable(&self, name: &str, scope: &Scope) -> Result<Option<String>, Trouble> {
        if !scope.has(name) {
            return Ok(None);
        }
        match self.render(&Value::Text(Text::trusted(format!("{{{{ {name} }}}}"))), scope)? {
            Rendered::Value(Value::Null) | Rendered::Omit => Ok(None),
            Rendered::Value(value) => Ok(Some(value.to_str().into_owned())),
        }
    }

    /// A variable's value; `None` when it is not set or omitted.
    pub(crate) fn value_variable(&self, name: &str, scope: &Scope) -> Result<Option<Value>, Trouble> {
        if !scope.has(name) {
            return Ok(None);
        }
        match self.render(&Value::Text(Text::trusted(format!("{{{{ {name} }}}}"))), scope)? {
            Rendered::Value(value) => Ok(Some(value)),
            Rendered::Omit => Ok(None),
        }
    }

    /// Whether this is the first item of the task to have found the host's Python.
    pub(crate) fn first_discovery(&self, host: &Arc<str>, task: TaskId) -> bool {
        let mut discoveries = self.discoveries.lock().unwrap_or_else(PoisonError::into_inner);
        discoveries.insert(Arc::clone(host), task) != Some(task)
    }

    /// The value of a YAML or JSON file, decrypted when it is a vault. Read anew each time: it may have changed.
    pub(crate) fn load_yaml(&self, path: &Path, span: Option<Span>) -> Result<Value, Trouble> {
        self.load_secret_yaml(path).map(|(value, _)| value).map_err(|trouble| trouble.at(span))
    }

    /// As [`Run::load_yaml`]. The second value says whether the file was encrypted.
    pub(crate) fn load_secret_yaml(&self, path: &Path) -> Result<(Value, bool), Trouble> {
        let failed = |error: std::io::Error| Trouble::message(format!("Could not read {}: {error}", path.display()));
        let secret = fs_err::read(path).map_err(failed)?.starts_with(b"$ANSIBLE_VAULT;");
        let bytes = self.engine.files().read(path).map_err(failed)?;
        let text =
            String::from_utf8(bytes).map_err(|_| Trouble::message(format!("{} is not UTF-8", path.display())))?;
        let source = self.options.sources.add_file(path, text);
        let value = rplay_yaml::load(&self.options.sources, source).map_err(|error| {
            let diagnostic = rplay_diag::Diagnose::diagnostic(&error);
            let trouble =
                Trouble::message(diagnostic.message.clone()).at(diagnostic.labels.first().map(|label| label.span));
            if diagnostic.hints.is_empty() { trouble } else { trouble.help(diagnostic.hints.join(" ")) }
        })?;
        Ok((value, secret))
    }

    /// The variables of a file of `vars_files`.
    pub(crate) fn vars_file(&self, path: &Path, span: Option<Span>) -> Result<Map, Trouble> {
        let known = self.vars_files.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        if let Some(vars) = known {
            return Ok(vars);
        }
        let vars = crate::play::load_vars(self, path, span)?;
        self.vars_files.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), vars.clone());
        Ok(vars)
    }

    /// The text of a template file; registered once as long as it stays the same.
    pub(crate) fn template_source(&self, path: &Path) -> Result<TemplateSource, Trouble> {
        let failed = |error: std::io::Error| Trouble::action(format!("Could not read {}: {error}", path.display()));
        let bytes = self.engine.files().read(path).map_err(failed)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Trouble::action(format!("the template {} is not UTF-8", path.display())))?;
        let mut templates = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = templates.get(path).filter(|known| *known.text == *text) {
            return Ok(known.clone());
        }
        let text: Arc<str> = text.into();
        let source = Some(self.options.sources.add_file(path, Arc::clone(&text)));
        let source = TemplateSource { name: path.to_string_lossy().into_owned(), text, source };
        templates.insert(path.to_owned(), source.clone());
        Ok(source)
    }

    /// Shows differences ahead of the result they belong to.
    pub(crate) fn show_diff(&self, task: TaskId, host: &Arc<str>, ran: &Ran) {
        if !ran.show_diff || ran.no_log || !ran.changed() {
            return;
        }
        let diffs: Vec<Map> = match ran.result.get("diff") {
            Some(Value::Map(diff)) => vec![diff.clone()],
            Some(Value::List(list)) => list.iter().filter_map(Value::as_map).cloned().collect(),
            _ => return,
        };
        if !diffs.is_empty() {
            self.emit(EventKind::Diff { task, host: Arc::clone(host), diffs });
        }
    }

    /// Tells outputs that the run begins.
    pub fn begin(&self, playbooks: &[PathBuf]) -> RunId {
        let run = RunId::random();
        self.emit(EventKind::RunStarted(RunInfo {
            run,
            playbooks: playbooks.iter().map(|path| path.display().to_string()).collect(),
            check: self.options.check,
            diff: self.options.diff,
            forks: self.options.forks,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }));
        run
    }

    /// Writes into the journal that the run came to its end. One that is interrupted has none, and goes on later.
    pub fn conclude(&self, outcome: RunOutcome) {
        if let Some(journal) = self.journal() {
            journal.end(outcome.code(), self.recap(|recap| recap.clone()));
        }
    }

    /// Tells outputs that the run is over, and ends the connections.
    pub async fn end(self, outcome: RunOutcome) {
        self.emit(EventKind::RunFinished { exit: outcome.code() });
        self.pool.close().await;
    }

    /// Runs a playbook. Further playbooks are to be run only when this one ended well.
    pub async fn playbook(&mut self, path: &Path) -> Result<RunOutcome, EngineError> {
        let resolver = Arc::clone(&self.resolver);
        let sources = self.options.sources.clone();
        let loader = Loader::new(&*resolver, &sources, self.loader_settings.clone());
        let playbook = loader.playbook(path)?;
        self.warn_loaded(loader.take_warnings());
        self.emit(EventKind::PlaybookStarted { file: path.display().to_string() });
        let text = format!("{} plays in {}", playbook.plays.len(), path.display());
        self.emit(EventKind::Verbose { level: 2, host: None, text });
        let mut outcome = RunOutcome::Ok;
        for play in &playbook.plays {
            let path = std::path::absolute(&play.path).unwrap_or_else(|_| play.path.clone());
            self.world.set_playbook_dir(path.parent().map(Path::to_owned).unwrap_or_default());
            let (ended, go_on) = self.play(play, &loader, outcome).await?;
            outcome = ended;
            if !go_on {
                break;
            }
        }
        let recap = self.recap(|recap| recap.clone());
        self.emit(EventKind::Recap(recap));
        if let Some(wanted) = self.options.start_at_task.as_ref().filter(|_| !self.start_at_done) {
            let message =
                format!("No matching task \"{wanted}\" found. Note: --start-at-task can only follow static includes.");
            self.emit(EventKind::Failed(rplay_event::Report::new(message, None)));
        }
        Ok(outcome)
    }

    /// The inventory as it is now.
    pub fn inventory(&self) -> Arc<Inventory> {
        self.world.inventory()
    }

    /// Whether there is a module or action of that name.
    pub fn knows(&self, module: &str) -> bool {
        matches!(rplay_playbook::Resolve::action(&*self.resolver, module, &[], None), Ok(Some(_)))
    }

    /// How many hosts are worked on at once from now on.
    pub fn set_forks(&mut self, forks: usize) {
        Arc::make_mut(&mut self.options).forks = forks;
    }

    /// The `-v` count from now on.
    pub fn set_verbosity(&mut self, verbosity: u8) {
        Arc::make_mut(&mut self.options).verbosity = verbosity;
    }

    /// Runs the one task of an ad-hoc command, and tells outputs about it as about a playbook.
    pub async fn adhoc(&mut self, asked: &AdHoc) -> Result<RunOutcome, EngineError> {
        let resolver = Arc::clone(&self.resolver);
        let sources = self.options.sources.clone();
        let loader = Loader::new(&*resolver, &sources, self.loader_settings.clone());
        let play = Arc::new(loader.adhoc(asked)?);
        // A console runs many: hosts that failed are there again.
        self.out = Out::default();
        self.warn_loaded(loader.take_warnings());
        self.emit(EventKind::PlaybookStarted { file: play.path.display().to_string() });
        self.world.set_playbook_dir(asked.folder.clone());
        let (outcome, _) = self.play(&play, &loader, RunOutcome::Ok).await?;
        let recap = self.recap(|recap| recap.clone());
        self.emit(EventKind::Recap(recap));
        Ok(outcome)
    }

    /// Runs the batches of a play. The second value says whether the next play is to be run.
    async fn play(
        &mut self,
        play: &Arc<Play>,
        loader: &Loader<'_>,
        before: RunOutcome,
    ) -> Result<(RunOutcome, bool), EngineError> {
        let mut scope = crate::play::prepare(self, play)?;
        let hosts = self.play_hosts(play, &scope)?;
        for host in &hosts {
            self.world.load_facts(host);
        }
        self.warn_loaded(self.world.take_warnings());
        let batches = self.batches(play, &scope, &hosts)?;
        if batches.is_empty() {
            scope.start(self, play, &[]);
            let shown = self.mute(self.replayed().is_some());
            self.emit(EventKind::NoHostsMatched);
            self.mute(shown);
            return Ok((before, true));
        }
        let mut outcome = before;
        let mut known = (self.out.failed.len(), self.out.unreachable.len());
        for batch in batches {
            let id = scope.start(self, play, &batch);
            let shared = scope.share(play, &hosts, &batch);
            let end = PlayRun::new(self, loader, play, &shared, id, scope.pace, &batch)
                .map(|run| run.with_out(&self.out, self.start_at_done))?
                .go()
                .await?;
            let BatchEnd { outcome: ended, failed, unreachable, end_play, break_play, start_at_done } = end;
            if !self.out.failed.is_empty() {
                let batch: HashSet<&Arc<str>> = batch.iter().collect();
                self.out.failed.retain(|host| !batch.contains(host));
            }
            self.out.failed.extend(failed);
            self.out.unreachable = unreachable;
            self.start_at_done |= start_at_done;
            outcome = ended;
            if end_play {
                return Ok((outcome, true));
            }
            let now = (self.out.failed.len(), self.out.unreachable.len());
            let lost = (now.0 + now.1).saturating_sub(known.0 + known.1);
            if lost == batch.len() || break_play {
                return Ok((outcome, false));
            }
            known = now;
        }
        Ok((outcome, true))
    }

    /// The hosts of a play in its order.
    pub(crate) fn play_hosts(&self, play: &Play, scope: &crate::play::Prepared) -> Result<Vec<Arc<str>>, EngineError> {
        let inventory = self.world.inventory();
        let span = play.hosts.first().and_then(Text::origin).or(play.span);
        let error =
            |error: rplay_inventory::InventoryError| EngineError::Inventory { message: error.to_string(), span };
        let selection = inventory.select(&scope.patterns, self.options.limit.as_deref()).map_err(error)?;
        self.warn_loaded(selection.warnings);
        let mut hosts = selection.hosts;
        if let Some(order) = &scope.order {
            let order: Order = order.parse().map_err(error)?;
            order.apply(&mut hosts);
            if order == Order::Shuffle {
                hosts = self.kept_order(play, hosts);
            }
        }
        Ok(hosts)
    }

    /// The hosts in batches of `serial`.
    fn batches(
        &self,
        play: &Play,
        scope: &crate::play::Prepared,
        hosts: &[Arc<str>],
    ) -> Result<Vec<Vec<Arc<str>>>, EngineError> {
        let mut sizes = Vec::new();
        for value in &play.serial {
            let rendered = self.engine.render(value, &scope.scope);
            let rendered = rendered
                .map_err(|source| EngineError::Template { context: "in the play's `serial`".to_owned(), source })?;
            let Some(value) = rendered.value() else { continue };
            let list = value.as_list().cloned().unwrap_or_else(|| List::from(vec![value]));
            for value in &list {
                sizes.push(batch_size(value, hosts.len()).ok_or_else(|| EngineError::Keyword {
                    message: format!("`serial` must be numbers or percentages, not {}", value.repr()),
                    span: value.origin().or(play.span),
                    hint: Some("write `serial: 2`, `serial: \"30%\"` or a list of these".to_owned()),
                })?);
            }
        }
        let mut batches = Vec::new();
        let mut rest = hosts;
        let mut sizes = sizes.into_iter().peekable();
        let mut size = 0;
        while !rest.is_empty() {
            if let Some(next) = sizes.next() {
                size = next;
            }
            let take = if size == 0 { rest.len() } else { size.min(rest.len()) };
            let (batch, after) = rest.split_at(take);
            batches.push(batch.to_vec());
            rest = after;
        }
        Ok(batches)
    }

    pub(crate) fn next_play(&self) -> PlayId {
        PlayId(self.plays.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// The place that ansible-core shows: the start of the text that holds the template, unless it failed elsewhere.
fn whole(failed: Option<Span>, text: Option<Span>) -> Option<Span> {
    match (failed, text) {
        (Some(failed), Some(text))
            if failed.source != text.source || failed.start < text.start || failed.end > text.end =>
        {
            Some(failed)
        }
        (failed, text) => text.or(failed),
    }
}

/// One entry of `serial`: a number, or a percentage of all hosts (at least one). 0 means all.
fn batch_size(value: &Value, hosts: usize) -> Option<usize> {
    if let Some(percent) = value.as_str().and_then(|text| text.trim().strip_suffix('%')) {
        let percent: f64 = percent.trim().parse().ok()?;
        return Some(((percent / 100.0 * hosts as f64) as usize).max(1));
    }
    Some(usize::try_from(i64::convert(value)?).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_sizes_follow_ansible() {
        assert_eq!(batch_size(&Value::from(3), 10), Some(3));
        assert_eq!(batch_size(&Value::from("30%"), 10), Some(3));
        assert_eq!(batch_size(&Value::from("1%"), 10), Some(1));
        assert_eq!(batch_size(&Value::from("0"), 10), Some(0));
        assert_eq!(batch_size(&Value::from("x"), 10), None);
    }
}
