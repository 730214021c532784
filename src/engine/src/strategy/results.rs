//! What a result on a host means: counts, notifications, facts, the inventory, and where the host goes on.

use std::sync::Arc;

use rplay_event::{EventKind, Notice, TaskId};
use rplay_template::Rendered;
use rplay_value::{List, Map, Text, Value};

use crate::error::EngineError;
use crate::fields::Keyword;
use crate::handlers::HandlerNames;
use crate::journal::Origin;
use crate::plan::{Step, StepKind};
use crate::play::keyword_error;
use crate::ran::{Effect, Ran};
use crate::strategy::PlayRun;
use crate::strategy::linear::HostRan;
use crate::vars::reserved;

impl PlayRun<'_> {
    /// Takes in a result.
    pub(super) fn finish(
        &mut self,
        step: &Arc<Step>,
        id: TaskId,
        once: bool,
        done: &mut HostRan,
    ) -> Result<(), EngineError> {
        let host = Arc::clone(&done.host);
        self.keep(step, id, done, self.states.get(&host).is_some_and(|state| state.cursor.would_rescue()));
        let shown = self.run.mute(done.from == Origin::Journal);
        let mut role_ran = false;
        let mut rescued = false;
        if done.ran.failed() {
            role_ran = true;
            if done.ran.ignore_errors {
                let changed = done.ran.changed();
                self.run.recap(|recap| {
                    let counts = recap.host(&host);
                    counts.ok += 1;
                    counts.ignored += 1;
                    counts.changed += u64::from(changed);
                });
            } else {
                rescued = self.failed(step, once, &host, &done.ran);
            }
        } else if done.ran.unreachable() {
            let ignored = done.ran.ignore_unreachable;
            self.run.recap(|recap| {
                let counts = recap.host(&host);
                if ignored {
                    counts.ok += 1;
                    counts.ignored += 1;
                } else {
                    counts.unreachable += 1;
                }
            });
            if !ignored {
                self.unreachable.insert(Arc::clone(&host));
                self.scope.remove(&host);
            }
        } else if done.ran.skipped() {
            self.run.recap(|recap| recap.host(&host).skipped += 1);
        } else {
            role_ran = true;
            self.succeeded(step, id, once, done)?;
        }
        let outcome = done.ran.outcome(rescued);
        if !outcome.is_bad() && !done.ran.skipped() && done.ran.items.is_none() {
            self.run.show_diff(id, &host, &done.ran);
        }
        self.run.emit(EventKind::HostFinished {
            task: id,
            host: Arc::clone(&host),
            outcome,
            result: Arc::new(done.ran.shown()),
        });
        self.run.mute(shown);
        self.register(step, once, &host, &done.ran)?;
        if role_ran && let (Some(role), Some(state)) = (&step.role, self.states.get_mut(&host)) {
            state.touched.insert(role.identity);
        }
        Ok(())
    }

    /// A failure that counts. Says whether it is rescued.
    fn failed(&mut self, step: &Step, once: bool, host: &Arc<str>, ran: &Ran) -> bool {
        let rescued = self.states.get(host).is_some_and(|state| state.cursor.would_rescue());
        if once {
            for other in self.hosts.clone() {
                if !self.unreachable.contains(&other) {
                    self.fail_host(&other);
                }
            }
        } else {
            self.fail_host(host);
        }
        // As ansible-core, which looks at what would come next: a flush of handlers that nobody notified (`force_handlers`)
        // keeps no host in the play.
        if let Some(mut cursor) = self.states.get(host).map(|state| state.cursor.clone())
            && self.advance(host, &mut cursor).is_none()
            && cursor.is_failed()
        {
            self.failed.insert(Arc::clone(host));
        }
        if rescued {
            self.run.recap(|recap| recap.host(host).rescued += 1);
            self.scope.restore(host);
            let mut facts = Map::new();
            facts.insert("ansible_failed_task", described(step));
            facts.insert("ansible_failed_result", ran.registered());
            self.run.world().set(host, &facts);
        } else {
            self.run.recap(|recap| recap.host(host).failed += 1);
        }
        rescued
    }

    /// Hosts that a result belongs to: all of the batch when the task ran once for them.
    fn targets(&self, once: bool, host: &Arc<str>) -> Vec<Arc<str>> {
        if once {
            self.hosts.iter().filter(|host| !self.unreachable.contains(*host)).cloned().collect()
        } else {
            vec![Arc::clone(host)]
        }
    }

    fn succeeded(&mut self, step: &Arc<Step>, id: TaskId, once: bool, done: &mut HostRan) -> Result<(), EngineError> {
        let host = Arc::clone(&done.host);
        if done.ran.changed() {
            let mut names: Vec<String> = Vec::new();
            for part in done.ran.parts() {
                names.extend(part.notify.iter().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>());
            }
            for name in names {
                self.notify(&host, &name, step)?;
            }
        }
        let looped = done.ran.items.is_some();
        let mut changed_inventory = false;
        let mut parts = match done.ran.items.take() {
            Some(items) => items,
            None => vec![std::mem::take(&mut done.ran)],
        };
        for part in &mut parts {
            changed_inventory |= self.effects(step, once, &host, part)?;
        }
        if looped {
            if changed_inventory {
                for part in &parts {
                    let outcome = part.outcome(false);
                    let result = Arc::new(part.shown());
                    self.run.emit(EventKind::ItemFinished { task: id, host: Arc::clone(&host), outcome, result });
                }
                done.ran.result.insert("changed", parts.iter().any(Ran::changed));
                done.ran
                    .result
                    .insert("results", parts.iter().map(|part| Value::Map(part.result.clone())).collect::<List>());
            }
            done.ran.items = Some(parts);
        } else if let Some(own) = parts.pop() {
            done.ran = own;
        }
        // A dynamic include counts when its file is there.
        if step.task().is_none_or(|task| task.include.is_none()) {
            let changed = done.ran.changed();
            self.run.recap(|recap| {
                let counts = recap.host(&host);
                counts.ok += 1;
                counts.changed += u64::from(changed);
            });
        }
        Ok(())
    }

    /// Applies what a result does. Says whether it was about the inventory.
    fn effects(&mut self, step: &Step, once: bool, host: &Arc<str>, part: &mut Ran) -> Result<bool, EngineError> {
        let mut inventory = false;
        let world = Arc::clone(self.run.world());
        let delegated =
            part.delegate.as_ref().filter(|_| part.delegate_facts).map(|delegate| Arc::from(delegate.host.as_str()));
        let effects = std::mem::take(&mut part.effects);
        for effect in &effects {
            match effect {
                Effect::Facts { facts, set, cacheable, gathered } => {
                    if *set {
                        reserved::among(facts).for_each(|name| self.run.warn_reserved(name));
                    }
                    let targets = delegated.clone().map_or_else(|| self.targets(once, host), |host| vec![host]);
                    for target in &targets {
                        if !set || *cacheable {
                            world.add_facts(target, facts, *gathered);
                        }
                        if *set {
                            world.set(target, facts);
                        }
                    }
                    self.run.warn_loaded(world.take_warnings());
                }
                Effect::Vars(vars) => {
                    reserved::among(vars).for_each(|name| self.run.warn_reserved(name));
                    let targets = delegated.clone().map_or_else(|| self.targets(once, host), |host| vec![host]);
                    for target in &targets {
                        world.include_vars(target, vars);
                    }
                }
                Effect::AddHost { name, groups, vars } => {
                    inventory = true;
                    let changed = world.add_host(name, groups, vars);
                    if changed && let Some(name) = world.known_host(name) {
                        self.scope.add_host(&name);
                    }
                    changed_when(step, part, changed);
                }
                Effect::AddGroup { name, parents } => {
                    inventory = true;
                    let changed = world
                        .add_group(host, name, parents)
                        .map_err(|error| EngineError::Inventory { message: error.to_string(), span: step.span() })?;
                    changed_when(step, part, changed);
                }
                Effect::Stats { data, per_host, aggregate } => {
                    let targets = if *per_host { self.targets(once, host) } else { Vec::new() };
                    self.run.recap(|recap| {
                        if *per_host {
                            for target in &targets {
                                stats(recap.custom_per_host.entry(target.to_string()).or_default(), data, *aggregate);
                            }
                        } else {
                            stats(&mut recap.custom, data, *aggregate);
                        }
                    });
                }
                Effect::Include(_) => {}
            }
        }
        part.effects = effects;
        Ok(inventory)
    }

    fn register(&self, step: &Arc<Step>, once: bool, host: &Arc<str>, ran: &Ran) -> Result<(), EngineError> {
        let Some(field) = step.task().and_then(|task| task.register.as_ref()) else { return Ok(()) };
        let name = if let Some(name) = field.constant() {
            Some(name.clone())
        } else {
            let trouble = |trouble| keyword_error(trouble, field.span);
            let scope = self.run.view(Some(host), Some(self.scope), Some(step)).map_err(trouble)?.into_scope();
            self.run.field::<Text>("register", field, &scope).map_err(trouble)?
        };
        let Some(name) = name else { return Ok(()) };
        if reserved::is_reserved(&name) {
            self.run.warn_reserved(&name);
        }
        let value = ran.registered();
        for target in self.targets(once, host) {
            self.run.world().register(&target, &name, value.clone());
        }
        Ok(())
    }

    /// Notes a notification: for the next flush, or for the pass over the handlers that is under way.
    fn notify(&mut self, host: &Arc<str>, name: &str, step: &Step) -> Result<(), EngineError> {
        let found = self.find_handlers(name);
        if found.is_empty() {
            if self.run.options().error_on_missing_handler {
                let known = self.handlers.names();
                let suggestion = rplay_diag::nearest(name, known.iter().map(|name| &**name)).map(str::to_owned);
                return Err(EngineError::MissingHandler { name: name.to_owned(), span: step.span(), suggestion });
            }
            let message = format!(
                "The requested handler '{name}' was not found in either the main handlers list nor in the listening handlers list"
            );
            self.run.warn_at(Notice::new(message), step.span());
            return Ok(());
        }
        let Some(state) = self.states.get_mut(host) else { return Ok(()) };
        if state.cursor.in_handlers() {
            for handler in found {
                self.notify_handler(&handler, host);
            }
        } else if !state.notifications.iter().any(|known| known == name) {
            state.notifications.push(name.to_owned());
            let text = format!("Notification for handler {name} has been saved.");
            self.run.emit(EventKind::Verbose { level: 2, host: None, text });
        }
        Ok(())
    }

    pub(super) fn notify_handler(&mut self, handler: &Arc<Step>, host: &Arc<str>) {
        if self.handlers.notify(handler.id, host) {
            let name =
                self.handler_names(handler).and_then(|names| names.names.into_iter().next_back()).unwrap_or_default();
            self.run.emit(EventKind::Notified { handler: name, host: Arc::clone(host) });
        }
    }

    /// The handlers that a notification means.
    pub(super) fn find_handlers(&mut self, topic: &str) -> Vec<Arc<Step>> {
        let mut handlers = std::mem::take(&mut self.handlers);
        let found = handlers.find(topic, |step| self.handler_names(step));
        self.handlers = handlers;
        found
    }

    /// A handler's names and topics. A name that needs a host's variables is unusable.
    fn handler_names(&self, step: &Step) -> Option<HandlerNames> {
        let StepKind::Task(task) = &step.kind else { return None };
        let render = |text: &Text| -> Option<Value> {
            if !text.is_template() {
                return Some(Value::Text(text.clone()));
            }
            match self.run.render(&Value::Text(text.clone()), &self.templates) {
                Ok(Rendered::Value(value)) => Some(value),
                Ok(Rendered::Omit) => None,
                Err(trouble) => {
                    if task.listen.is_empty() {
                        let message = format!(
                            "Handler '{text}' is unusable because it has no listen topics and the name could not be templated (host-specific \
                             variables are not supported in handler names). The error: {}",
                            trouble.text()
                        );
                        self.run.warn_at(Notice::new(message), text.origin());
                    }
                    None
                }
            }
        };
        let mut names = Vec::new();
        if let Some(name) = task.name.as_ref().filter(|name| !name.is_empty()).and_then(render) {
            let name = name.to_str().into_owned();
            if let Some(role) = &step.role {
                names.push(format!("{} : {name}", role.name));
                if role.collection.is_some() {
                    names.push(format!("{} : {name}", crate::vars::full_name(role)));
                }
            }
            names.insert(0, name);
        }
        let mut listen = Vec::new();
        for topic in &task.listen {
            let topics = render(topic).and_then(|value| Vec::<Text>::convert(&value)).unwrap_or_default();
            for topic in topics {
                if let Some(role) = &step.role {
                    listen.push(format!("{} : {topic}", role.name));
                    if role.collection.is_some() {
                        listen.push(format!("{} : {topic}", crate::vars::full_name(role)));
                    }
                }
                listen.push(topic.to_string());
            }
        }
        Some(HandlerNames { names, listen })
    }
}

/// The inventory's own idea of change, unless `changed_when` has another.
fn changed_when(step: &Step, part: &mut Ran, changed: bool) {
    if step.task().is_none_or(|task| task.changed_when.is_empty()) {
        part.result.insert("changed", changed);
    }
}

/// `set_stats`: sets, or adds up.
fn stats(all: &mut Map, data: &Map, aggregate: bool) {
    for (key, value) in data {
        let merged = match (all.get_value(key), value) {
            (Some(old), new) if aggregate => added(old, new),
            _ => value.clone(),
        };
        all.insert(key.clone(), merged);
    }
}

/// Mappings are combined, everything else is added as Python adds; what cannot be added is replaced.
fn added(old: &Value, new: &Value) -> Value {
    match (old, new) {
        (Value::Map(a), Value::Map(b)) => Value::Map(crate::vars::facts::merge_maps(a, b, true)),
        (Value::List(a), Value::List(b)) => Value::List(a.iter().chain(b).cloned().collect()),
        (Value::Int(a), Value::Int(b)) => a.checked_add(*b).map_or_else(|| new.clone(), Value::Int),
        (Value::Float(a), Value::Float(b)) => Value::Float(a + b),
        (Value::Text(a), Value::Text(b)) => Value::data(format!("{a}{b}")),
        _ => new.clone(),
    }
}

/// `ansible_failed_task`.
fn described(step: &Step) -> Map {
    let mut map = Map::new();
    if let Some(task) = step.task() {
        map.insert("name", task.name.as_ref().map(std::string::ToString::to_string));
        map.insert("action", task.action.name.to_string());
        let mut args = task.action.args.clone();
        if let Some(text) = &task.action.free_form {
            args.insert("_raw_params", text.clone());
        }
        map.insert("args", args);
        map.insert("register", task.register.as_ref().and_then(|field| field.constant()).map(ToString::to_string));
        map.insert("tags", step.tags().into_iter().map(std::string::ToString::to_string).collect::<List>());
        map.insert("when", step.conditions().into_iter().map(|condition| condition.value.clone()).collect::<List>());
        map.insert("resolved_action", &*task.action.resolved);
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_add_up() {
        let mut all = Map::from_iter([("n", Value::from(1)), ("l", Value::List(vec![Value::from(1)].into()))]);
        stats(
            &mut all,
            &Map::from_iter([("n", Value::from(2)), ("l", Value::List(vec![Value::from(2)].into()))]),
            true,
        );
        assert_eq!(all.get("n"), Some(&Value::from(3)));
        assert_eq!(all.get("l").and_then(Value::as_list).map(|l| l.len()), Some(2));
        stats(&mut all, &Map::from_iter([("n", Value::from(9))]), false);
        assert_eq!(all.get("n"), Some(&Value::from(9)));
    }
}
