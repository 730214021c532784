//! `meta`: what changes the course of the play itself.

use std::sync::Arc;

use rplay_diag::{nearest, quoted_list};
use rplay_event::{EventKind, Notice, Outcome, TaskResult};
use rplay_journal::Known;
use rplay_value::Map;

use crate::error::EngineError;
use crate::plan::{Step, StepKind};
use crate::play::keyword_error;
use crate::strategy::PlayRun;

/// Every argument of `meta`.
const KINDS: &[&str] = &[
    "noop",
    "flush_handlers",
    "refresh_inventory",
    "reset_connection",
    "clear_facts",
    "clear_host_errors",
    "end_batch",
    "end_play",
    "end_host",
    "end_role",
    "role_complete",
];

impl PlayRun<'_> {
    /// Runs a meta step on the hosts that are at it; most kinds do their work once for all of them.
    pub(super) fn meta_step(&mut self, step: &Arc<Step>, group: &[Arc<str>]) -> Result<(), EngineError> {
        let kind = step.meta().unwrap_or_default().to_owned();
        if !KINDS.contains(&kind.as_str()) {
            return Err(EngineError::Keyword {
                message: format!("invalid meta action requested: {kind}"),
                span: step.task().and_then(|task| task.action.span).or(step.span()),
                hint: Some(match nearest(&kind, KINDS.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the meta actions are {}", quoted_list(KINDS.iter().copied())),
                }),
            });
        }
        if matches!(kind.as_str(), "noop" | "refresh_inventory" | "reset_connection") && !step.conditions().is_empty() {
            self.run.warn_at(Notice::new(format!("{kind} task does not support when conditional")), step.span());
        }
        let once = !matches!(
            kind.as_str(),
            "noop" | "reset_connection" | "end_host" | "role_complete" | "flush_handlers" | "end_role"
        );
        let hosts = if once { &group[..group.len().min(1)] } else { group };
        for host in hosts {
            let decides = !step.implicit && !step.conditions().is_empty();
            let before = if decides { self.decided(step, host) } else { None };
            let shown = self.run.mute(before.is_some() || self.run.is_behind(host));
            let task = if step.implicit { None } else { Some(self.announce(step, &self.templates)?) };
            let holds = matches!(kind.as_str(), "noop" | "refresh_inventory" | "reset_connection" | "role_complete")
                || match before {
                    Some(held) => held,
                    None => self.holds(step, host)?,
                };
            if decides && before.is_none() {
                self.decide(step, host, holds);
            }
            let text = if holds { self.meta(step, &kind, host)? } else { passed_over(&kind, host).1 };
            let Some(task) = task else {
                self.run.mute(shown);
                continue;
            };
            self.run.emit(EventKind::Verbose { level: 2, host: None, text: format!("META: {text}") });
            if !holds {
                let (msg, reason) = passed_over(&kind, host);
                let data = Map::from_iter([("msg", msg), ("skip_reason", reason)]);
                let result = Arc::new(TaskResult { data, ..TaskResult::default() });
                self.run.emit(EventKind::HostFinished {
                    task,
                    host: Arc::clone(host),
                    outcome: Outcome::Skipped,
                    result,
                });
            }
            self.run.mute(shown);
        }
        if step.handler {
            for host in hosts {
                self.handlers.started(step.id, host);
            }
        }
        Ok(())
    }

    /// What was decided for a host before the run was interrupted.
    fn decided(&self, step: &Step, host: &Arc<str>) -> Option<bool> {
        let journal = self.run.replayed()?;
        let key = self.run.step_key(step);
        // Most metas are decided for one host: that of another says nothing about its own next step.
        if !journal.knows(host, &key) {
            return None;
        }
        match journal.take(host, &key) {
            Known::Decided(held) => Some(held),
            _ => None,
        }
    }

    fn decide(&self, step: &Step, host: &Arc<str>, held: bool) {
        if let Some(journal) = self.run.journal().filter(|_| !self.run.is_behind(host)) {
            journal.write_decision(self.run.last_task().0, || self.run.step_key(step), host, held);
        }
    }

    fn holds(&self, step: &Arc<Step>, host: &Arc<str>) -> Result<bool, EngineError> {
        let conditions = step.conditions();
        if conditions.is_empty() || step.implicit {
            return Ok(true);
        }
        let trouble = |trouble| keyword_error(trouble, step.span());
        let scope = self.run.view(Some(host), Some(self.scope), Some(step)).map_err(trouble)?.into_scope();
        for condition in conditions {
            if !self.run.condition(condition, &scope).map_err(trouble)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn meta(&mut self, step: &Arc<Step>, kind: &str, host: &Arc<str>) -> Result<String, EngineError> {
        Ok(match kind {
            "flush_handlers" => {
                self.flush(step, host)?;
                format!("triggered running handlers for {host}")
            }
            "refresh_inventory" => {
                let warnings = self.run.world().refresh_inventory().map_err(|broken| EngineError::Inventory {
                    message: format!("meta: refresh_inventory: {}", broken.message),
                    span: step.span(),
                })?;
                self.run.warn_loaded(warnings);
                // A pattern that matches nothing any more has been warned of.
                if let Ok(matching) = self.run.world().inventory().select(&self.scope.patterns, None) {
                    self.run.warn_loaded(matching.warnings);
                    self.scope.set_hosts_all(matching.hosts);
                }
                "inventory successfully refreshed".to_owned()
            }
            "clear_facts" => {
                for host in &self.hosts {
                    self.run.world().clear_facts(host);
                }
                self.run.warn_loaded(self.run.world().take_warnings());
                "facts cleared".to_owned()
            }
            "clear_host_errors" => {
                if let Some(journal) = self.run.journal() {
                    journal.write_cleared();
                }
                self.failed.clear();
                self.unreachable.clear();
                for host in &self.hosts {
                    self.scope.restore(host);
                    if let Some(state) = self.states.get_mut(host) {
                        state.cursor.clear_errors();
                    }
                }
                "cleared host errors".to_owned()
            }
            "end_batch" | "end_play" => {
                for host in self.hosts.clone() {
                    if !self.unreachable.contains(&host) {
                        self.end_host(&host);
                    }
                }
                self.end_play |= kind == "end_play";
                if kind == "end_play" { "ending play".to_owned() } else { "ending batch".to_owned() }
            }
            "end_host" => {
                self.end_host(host);
                format!("ending play for {host}")
            }
            "end_role" => self.end_role(step, host),
            "role_complete" => {
                if let (StepKind::RoleComplete(role), Some(state)) = (&step.kind, self.states.get_mut(host))
                    && state.touched.contains(&role.identity)
                {
                    state.completed.insert(role.identity);
                }
                format!("role_complete for {host}")
            }
            "reset_connection" => {
                self.resets.push((Arc::clone(host), Arc::clone(step)));
                "reset connection".to_owned()
            }
            _ => "noop".to_owned(),
        })
    }

    fn end_host(&mut self, host: &Arc<str>) {
        if let Some(state) = self.states.get_mut(host)
            && !state.cursor.is_failed()
        {
            state.cursor.end();
        }
        self.scope.remove(host);
    }

    /// Turns notifications into handlers to run, and starts the pass over them.
    fn flush(&mut self, step: &Step, host: &Arc<str>) -> Result<(), EngineError> {
        let Some(state) = self.states.get_mut(host) else { return Ok(()) };
        if state.cursor.in_handlers() {
            return Err(EngineError::Keyword {
                message: "flush_handlers cannot be used as a handler".to_owned(),
                span: step.span(),
                hint: None,
            });
        }
        let topics = std::mem::take(&mut state.notifications);
        for topic in topics {
            for handler in self.find_handlers(&topic) {
                self.notify_handler(&handler, host);
            }
        }
        let list = Arc::clone(self.handlers.list());
        if let Some(state) = self.states.get_mut(host) {
            state.cursor.flush(list);
        }
        Ok(())
    }

    /// Passes over the rest of the role.
    fn end_role(&mut self, step: &Step, host: &Arc<str>) -> String {
        let Some(state) = self.states.get(host) else { return String::new() };
        let mut cursor = state.cursor.clone();
        loop {
            let mut next = cursor.clone();
            match self.advance(host, &mut next) {
                Some(at) if !matches!(at.kind, StepKind::RoleComplete(_)) => cursor = next,
                _ => break,
            }
        }
        if let Some(state) = self.states.get_mut(host) {
            state.cursor = cursor;
        }
        let role = step.role.as_ref().map(|role| crate::vars::full_name(role)).unwrap_or_default();
        format!("ending role {role} for {host}")
    }
}

/// `msg` and `skip_reason` of a meta action whose condition does not hold.
fn passed_over(kind: &str, host: &str) -> (String, String) {
    let after = match kind {
        "flush_handlers" => format!(", not running handlers for {host}"),
        "clear_facts" => format!(", not clearing facts and fact cache for {host}"),
        "clear_host_errors" => format!(", not clearing host error state for {host}"),
        "end_batch" => ", continuing current batch".to_owned(),
        "end_play" => ", continuing play".to_owned(),
        "end_host" | "end_role" => format!(", continuing execution for {host}"),
        _ => String::new(),
    };
    let msg = if kind == "end_host" {
        format!("end_host conditional evaluated to false, continuing execution for {host}")
    } else {
        kind.to_owned()
    };
    (msg, format!("{kind} conditional evaluated to False{after}"))
}
