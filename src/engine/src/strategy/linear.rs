//! The linear strategy: all hosts do one task before any does the next.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rplay_event::{EventKind, Place, TaskId, TaskInfo};
use rplay_journal::StepKey;
use rplay_playbook::{Include, Task, Written};
use rplay_template::{Rendered, Scope};
use rplay_value::{Map, Text, Value};

use crate::action::find_action;
use crate::error::EngineError;
use crate::fields::Keyword as _;
use crate::iterate::{Cursor, Gate};
use crate::journal::{Before, CaughtUp, Origin};
use crate::plan::Step;
use crate::play::{keyword_error, words};
use crate::prompt::Question;
use crate::ran::Ran;
use crate::run::RunOutcome;
use crate::strategy::{BatchEnd, PlayRun, Strategy};
use crate::task::TaskCx;
use crate::trouble::Trouble;

/// The result of a step on a host.
pub(crate) struct HostRan {
    pub(crate) host: Arc<str>,
    pub(crate) ran: Ran,
    pub(crate) from: Origin,
}

impl PlayRun<'_> {
    /// Moves a cursor of a host on.
    pub(super) fn advance(&self, host: &Arc<str>, cursor: &mut Cursor) -> Option<Arc<Step>> {
        let state = self.states.get(host)?;
        let smart = self.run.options().gathering == crate::options::Gathering::Smart;
        cursor.advance(&Gate {
            host,
            has_notifications: !state.notifications.is_empty(),
            notified: self.handlers.notified(),
            completed: Some(&state.completed),
            gather: !(smart && self.run.world().gathered(host)) || self.gathered_before(host),
        })
    }

    /// Whether the run that goes on gathered a host's facts at this point: it counted, whoever knows the facts now.
    fn gathered_before(&self, host: &Arc<str>) -> bool {
        let key = StepKey { at: StepKey::FACTS.to_owned(), name: String::new() };
        self.run.replayed().is_some_and(|journal| journal.knows(host, &key))
    }

    /// Hosts that can be reached, in order.
    fn hosts_left(&self) -> Vec<Arc<str>> {
        self.hosts.iter().filter(|host| !self.unreachable.contains(*host)).cloned().collect()
    }

    /// The next step and the hosts that are at it. Those hosts have moved past it.
    fn next_group(&mut self, hosts: &[Arc<str>]) -> Option<(Arc<Step>, Vec<Arc<str>>)> {
        let mut next = Vec::with_capacity(hosts.len());
        let mut wanted = HashSet::new();
        for host in hosts {
            let Some(state) = self.states.get(host) else { continue };
            let mut cursor = state.cursor.clone();
            if let Some(step) = self.advance(host, &mut cursor) {
                wanted.insert(step.id);
                next.push((host, cursor, step));
            }
        }
        let step = self.next_step(&wanted).or_else(|| next.first().map(|(_, _, step)| Arc::clone(step)))?;
        let mut group = Vec::with_capacity(next.len());
        for (host, cursor, at) in next {
            if at.id == step.id {
                if let Some(state) = self.states.get_mut(host) {
                    state.cursor = cursor;
                }
                group.push(Arc::clone(host));
            }
        }
        if step.is_flush() {
            let handlers = Arc::clone(self.handlers.list());
            self.steps.splice(self.at..self.at, handlers.iter().cloned());
        }
        Some((step, group))
    }

    /// The next of the wanted steps in the order of the text, from where the play stands; once around when needed.
    fn next_step(&mut self, wanted: &HashSet<crate::plan::StepId>) -> Option<Arc<Step>> {
        if wanted.is_empty() {
            return None;
        }
        for _ in 0..2 {
            while let Some(step) = self.steps.get(self.at) {
                self.at += 1;
                if wanted.contains(&step.id) {
                    return Some(Arc::clone(step));
                }
            }
            self.at = 0;
        }
        None
    }

    /// Runs the batch to its end.
    pub(crate) async fn go(mut self) -> Result<BatchEnd, EngineError> {
        if self.strategy.is_free() {
            return self.run_free().await;
        }
        loop {
            let left = self.hosts_left();
            let Some((step, group)) = self.next_group(&left) else { break };
            if step.meta().is_some() {
                self.meta_step(&step, &group)?;
                // As TripleO's linear strategy: from the first flush of handlers on, errors are fatal.
                self.any_errors_fatal |= step.is_flush();
                self.reset_connections().await?;
                continue;
            }
            let Some((id, results, fatal)) = self.task_step(&step, &group).await? else { continue };
            let results = self.expand_includes(&step, id, results)?;
            let lost = |bad: fn(&Ran) -> bool| -> Vec<&Arc<str>> {
                results.iter().filter(|r| bad(&r.ran)).map(|r| &r.host).collect()
            };
            let failed: HashSet<Arc<str>> = lost(Ran::failed).into_iter().cloned().collect();
            let unreachable = lost(Ran::unreachable);
            let any = if self.strategy == Strategy::TripleoLinear {
                let out: Vec<Arc<str>> = failed.iter().chain(unreachable).cloned().collect();
                // Each is counted, so no short cut.
                out.iter().filter(|host| self.tripleo_lost(host)).count() > 0
            } else {
                !failed.is_empty() || !unreachable.is_empty()
            };
            let fatal = fatal || self.strategy == Strategy::TripleoLinear && self.any_errors_fatal;
            if fatal && any {
                self.fail_rest(&left, &failed);
            }
            if let Some(percent) = self.max_fail
                && !results.is_empty()
                && self.failed.len() as f64 / self.hosts.len() as f64 > percent / 100.0
            {
                self.fail_rest(&left, &failed);
                self.run.emit(EventKind::NoHostsRemaining);
                self.break_play = true;
            }
            if self.break_play && self.failed.len() >= left.len() {
                self.run.emit(EventKind::NoHostsRemaining);
                break;
            }
        }
        Ok(self.end())
    }

    /// How the batch ended.
    pub(super) fn end(mut self) -> BatchEnd {
        // Hosts that are through have not all moved past their last `always` yet.
        let mut lost = false;
        for host in self.hosts.clone() {
            let Some(mut cursor) = self.states.get(&host).map(|state| state.cursor.clone()) else { continue };
            if !self.unreachable.contains(&host) {
                let _ = self.advance(&host, &mut cursor);
            }
            if cursor.is_failed() {
                lost = true;
                self.failed.insert(host);
            }
        }
        let outcome = if self.break_play {
            RunOutcome::Failed
        } else if !self.unreachable.is_empty() {
            RunOutcome::Unreachable
        } else if lost {
            RunOutcome::Failed
        } else {
            RunOutcome::Ok
        };
        BatchEnd {
            outcome,
            failed: self.failed,
            unreachable: self.unreachable,
            end_play: self.end_play,
            break_play: self.break_play,
            start_at_done: self.start_at_done,
        }
    }

    /// `meta: reset_connection`.
    pub(super) async fn reset_connections(&mut self) -> Result<(), EngineError> {
        for (host, step) in std::mem::take(&mut self.resets) {
            let Some(task) = step.task() else { continue };
            let cx = TaskCx {
                run: self.run,
                play: self.scope,
                step: &step,
                task,
                host,
                id: self.run.last_task(),
                overrides: None,
                before: None,
            };
            // A connection in Python ends with the task that used it.
            if let Some(spec) = cx.own_spec().map_err(|trouble| keyword_error(trouble, task.span))? {
                self.run.pool().reset(&spec).await;
            }
        }
        Ok(())
    }

    /// Fails every host that has not failed itself.
    fn fail_rest(&mut self, left: &[Arc<str>], failed: &HashSet<Arc<str>>) {
        for host in left.iter().filter(|host| !failed.contains(*host)) {
            self.failed.insert(Arc::clone(host));
            self.fail_host(host);
        }
    }

    /// Takes a host to its rescue, or out of the play.
    pub(super) fn fail_host(&mut self, host: &Arc<str>) {
        if let Some(state) = self.states.get_mut(host) {
            state.cursor.fail();
        }
        self.scope.remove(host);
    }

    /// Runs a task on its hosts. `None` when the user chose to leave it out.
    async fn task_step(
        &mut self,
        step: &Arc<Step>,
        group: &[Arc<str>],
    ) -> Result<Option<(TaskId, Vec<HostRan>, bool)>, EngineError> {
        let Some(task) = step.task().cloned() else { return Ok(None) };
        let Some(first) = group.first() else { return Ok(None) };
        let run = self.run;
        let keyword = |trouble| keyword_error(trouble, task.span);
        let scope = run.view(Some(first), Some(self.scope), Some(step)).map_err(keyword)?.into_scope();
        if self.step_mode && self.ran_once(step, group).is_none() && !self.take_step(step, &scope, None)? {
            self.leave_out(step, group);
            return Ok(None);
        }
        let once = self.is_once(step, &task, &scope).map_err(keyword)?;
        let fatal = run
            .maybe::<bool>("any_errors_fatal", step.keywords(|c| c.any_errors_fatal.as_ref()), &scope)
            .map_err(keyword)?
            .unwrap_or(run.options().any_errors_fatal);
        let ignored =
            run.maybe::<bool>("ignore_errors", step.keywords(|c| c.ignore_errors.as_ref()), &scope).ok().flatten();
        let throttle = self.throttle(step, &scope)?;
        let of_all = if once { self.ran_once(step, group) } else { None };
        let hosts = if once { std::slice::from_ref(of_all.as_ref().unwrap_or(first)) } else { group };
        if step.handler {
            if once {
                self.handlers.started_once(step.id);
            } else {
                for host in hosts {
                    self.handlers.started(step.id, host);
                }
            }
        }
        let id = self.announce(step, &scope)?;
        let debugger = self.debugger(step, || Ok(scope.clone())).map_err(keyword)?;
        let mut limit = run.options().forks.max(1);
        if throttle > 0 && !once {
            limit = limit.min(throttle);
        }
        let scope = self.scope;
        let mut results = Vec::with_capacity(hosts.len());
        let mut to_run = Vec::with_capacity(hosts.len());
        let mut known = BTreeMap::new();
        for host in hosts {
            match self.catch_up(step, &task, id, host) {
                CaughtUp::Runs(before) => to_run.push((host, before)),
                CaughtUp::Has(order, ran) => {
                    known.insert(order, HostRan { host: Arc::clone(host), ran: *ran, from: Origin::Journal });
                }
                CaughtUp::Passes => {}
            }
        }
        for mut done in known.into_values() {
            self.finish(step, id, once, &mut done)?;
            results.push(done);
        }
        let work = |(host, before): (&Arc<str>, Option<Arc<Before>>)| {
            run.emit(EventKind::HostStarted { task: id, host: Arc::clone(host) });
            let cx =
                TaskCx { run, play: scope, step, task: &task, host: Arc::clone(host), id, overrides: None, before };
            async move {
                let ran = cx.execute().await;
                HostRan { from: cx.from(), host: cx.host, ran }
            }
        };
        let mut waiting = to_run.into_iter();
        let mut running: FuturesUnordered<_> = waiting.by_ref().take(limit).map(&work).collect();
        while let Some(mut done) = running.next().await {
            if let Some(host) = waiting.next() {
                running.push(work(host));
            }
            if debugger.applies(&done.ran) {
                Box::pin(self.finish_debugged(&debugger, step, id, once, &mut done)).await?;
            } else {
                self.finish(step, id, once, &mut done)?;
            }
            results.push(done);
        }
        Ok(Some((id, results, (fatal || once) && ignored != Some(true))))
    }

    /// How many hosts a step may run on at once; 0 is no limit. It has error texts of its own, so it is read here.
    pub(super) fn throttle(&self, step: &Step, scope: &Scope) -> Result<usize, EngineError> {
        for field in step.keywords(|c| c.throttle.as_ref()) {
            let wrong = |why: String| {
                let message = format!("Failed to convert the throttle value to an integer: {why}");
                keyword_error(Trouble::message(message), field.span.or(step.span()))
            };
            let throttle = match &field.value {
                Written::Const(throttle) => *throttle,
                Written::Template(value) => match self.run.render(value, scope) {
                    Ok(Rendered::Value(value)) => i64::convert(&value)
                        .ok_or_else(|| wrong(format!("invalid literal for int() with base 10: {}", value.repr())))?,
                    Ok(Rendered::Omit) => continue,
                    Err(trouble) => return Err(wrong(trouble.text())),
                },
            };
            return Ok(usize::try_from(throttle).unwrap_or(0));
        }
        Ok(0)
    }

    /// Whether a task is to run once for all hosts.
    pub(super) fn is_once(&self, step: &Step, task: &Task, scope: &Scope) -> Result<bool, Trouble> {
        let wanted = self.run.maybe::<bool>("run_once", step.keywords(|c| c.run_once.as_ref()), scope)?;
        let resolved = &task.action.resolved;
        let always = find_action(resolved).is_some_and(|action| action.traits().once)
            || self.run.resolver().python_action(resolved).is_some_and(|plugin| plugin.once);
        Ok(always || wanted.unwrap_or(false))
    }

    /// Notes that the user left a step out.
    pub(super) fn leave_out(&self, step: &Arc<Step>, group: &[Arc<str>]) {
        let id = self.run.next_task();
        if let Some(journal) = self.run.journal() {
            for host in group {
                journal.write_decision(id.0, || self.run.step_key(step), host, false);
            }
        }
    }

    /// Moves a host.
    pub(super) fn set_cursor(&mut self, host: &str, cursor: Cursor) {
        if let Some(state) = self.states.get_mut(host) {
            state.cursor = cursor;
        }
    }

    /// Tells outputs that a task begins.
    pub(super) fn announce(&self, step: &Arc<Step>, scope: &Scope) -> Result<TaskId, EngineError> {
        let run = self.run;
        let id = run.next_task();
        let flag = |name: &str, field| run.maybe::<bool>(name, field, scope).ok().flatten();
        let (short_name, action, args, span) = match step.task() {
            Some(task) => {
                let own = match &task.include {
                    Some(Include::Role { name, .. }) => format!("include_role : {name}"),
                    _ => task.action.name.to_string(),
                };
                let name = task.name.as_ref().filter(|name| !name.is_empty());
                let name = name.map_or_else(|| own.clone(), |name| self.banner(name, scope));
                (name, task.action.resolved.to_string(), task.action.args.clone(), task.span)
            }
            None => ("meta".to_owned(), "ansible.builtin.meta".to_owned(), Map::new(), None),
        };
        let role = step.role.as_ref().map(|role| crate::vars::full_name(role));
        // An included role is named after what it includes, not after where it stands.
        let prefixed = step.task().is_none_or(|task| !matches!(task.include, Some(Include::Role { .. })));
        // What cannot be decided must not be shown.
        let no_log = run
            .maybe::<bool>("no_log", step.keywords(|c| c.no_log.as_ref()), scope)
            .map_or(true, |value| value.unwrap_or(false));
        let info = TaskInfo {
            id,
            play: self.id,
            name: role
                .as_ref()
                .filter(|_| prefixed)
                .map_or_else(|| short_name.clone(), |role| format!("{role} : {short_name}")),
            short_name,
            role,
            action,
            place: run.place(span).map(|place| if no_log { Place { lines: Vec::new(), ..place } } else { place }),
            args: if no_log { Map::new() } else { args },
            handler: step.handler,
            looped: step.looped(),
            include: step.task().is_some_and(|task| task.include.is_some()),
            check: flag("check_mode", step.keywords(|c| c.check_mode.as_ref())).unwrap_or(run.options().check),
            no_log,
            tags: words(run, &step.tags(), scope).unwrap_or_default(),
        };
        run.emit(EventKind::TaskStarted(Arc::new(info)));
        Ok(id)
    }

    /// A task's name for the banner: rendered as far as it can be.
    pub(super) fn banner(&self, name: &Text, scope: &Scope) -> String {
        if !name.is_template() {
            return name.to_string();
        }
        match self.run.render(&Value::Text(name.clone()), scope) {
            Ok(Rendered::Value(value)) => value.to_str().into_owned(),
            Ok(Rendered::Omit) => String::new(),
            Err(_) => name.to_string(),
        }
    }

    /// `--step`: asks whether to run a task.
    pub(super) fn take_step(&mut self, step: &Step, scope: &Scope, host: Option<&str>) -> Result<bool, EngineError> {
        let name = step.task().map(|task| {
            task.name.as_ref().map_or_else(|| task.action.name.to_string(), |name| self.banner(name, scope))
        });
        let on = host.map(|host| format!(" on {host}")).unwrap_or_default();
        let text = format!("Perform task: TASK: {}{on} (N)o/(y)es/(c)ontinue: ", name.unwrap_or_default());
        self.run.flush_events();
        let question = Question { text, private: false };
        let answer = self
            .run
            .options()
            .prompter
            .ask(&question)
            .map_err(|source| EngineError::Prompt { name: "--step".to_owned(), source })?;
        Ok(match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => true,
            "c" | "continue" => {
                self.step_mode = false;
                true
            }
            _ => false,
        })
    }
}
