//! Loops: `loop`, `with_X`, `loop_control`, and the result of the whole.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesOrdered, FuturesUnordered};
use futures_util::{FutureExt, StreamExt};
use rplay_event::EventKind;
use rplay_playbook::{Field, LoopControl, LoopKind, Written};
use rplay_template::{Rendered, Scope, Slot};
use rplay_value::{List, Map, Text, Value};

use crate::action::{Pipeline, Turn};
use crate::plan::is_builtin;
use crate::ran::Ran;
use crate::task::TaskCx;
use crate::trouble::Trouble;
use crate::vars::extended_loop;

/// How many items of a loop may be on their way at once.
const AHEAD: usize = 16;

/// An item that is done.
struct Item {
    index: usize,
    ran: Ran,
    /// It could not be done before the ones before it were: it has to begin again.
    again: bool,
    /// What the items after it see.
    learnt: Map,
    scope: Scope,
    value: Value,
    /// The journal has it: it was shown.
    kept: bool,
}

/// `loop_control` after rendering.
struct Control {
    var: String,
    index: Option<String>,
    pause: f64,
    extended: bool,
    all: bool,
    parallel: Option<usize>,
}

/// What the items of a loop see of the ones before them.
struct Known {
    scope: Scope,
    register: Option<String>,
    /// The result of the last item that is done.
    registered: Value,
}

impl Known {
    /// The scope of the next item. `early`: items before it are at work still.
    fn scope(&self, early: bool) -> Scope {
        match &self.register {
            Some(name) if early => self.scope.with_slot(name, Slot::Awaited(self.registered.clone())),
            _ => self.scope.clone(),
        }
    }

    fn learn(&mut self, item: &Item) {
        if let Some(name) = &self.register {
            self.registered = item.ran.registered();
            self.scope = self.scope.with(name, self.registered.clone());
        }
        for (name, value) in item.learnt.texts() {
            self.scope = self.scope.with(name.as_str(), value.clone());
        }
    }
}

impl TaskCx<'_> {
    /// The items of the loop; `None` when the task does not loop.
    pub(crate) fn loop_items(&self, scope: &Scope) -> Result<Option<List>, Trouble> {
        let Some(repeat) = &self.task.loop_ else { return Ok(None) };
        let items = match &repeat.kind {
            LoopKind::Loop => match self.run.render(&repeat.value, scope)? {
                Rendered::Value(Value::List(items)) => items,
                Rendered::Value(Value::Null) | Rendered::Omit if repeat.value.is_null() => return Ok(None),
                Rendered::Value(other) => {
                    let message = format!("The `loop` value must resolve to a 'list', not '{}'.", other.type_name());
                    let help = "Provide a list of items/templates, or a template resolving to a list.";
                    return Err(Trouble::message(message).at(repeat.span).help(help));
                }
                Rendered::Omit => return Ok(None),
            },
            LoopKind::With(lookup) => {
                // It passes over what is undefined. A name without braces is for the others' way.
                let written = matches!(&repeat.value, Value::Text(text) if !text.is_template());
                let first = lookup.ends_with("first_found") && !written;
                let terms = if first {
                    let terms = self.run.engine().defined(&repeat.value, scope)?;
                    match terms {
                        Some(Value::List(terms)) => terms,
                        other => other.into_iter().collect(),
                    }
                } else {
                    self.terms(lookup, &repeat.value, scope)?.into_iter().collect()
                };
                let mut options = Map::new();
                if lookup.ends_with("first_found") {
                    // As ansible-core's task executor: the action says which folder of a role is meant.
                    let action = self.task.action.name.as_str();
                    let folder = ["template", "var"].into_iter().find(|kind| action.contains(kind)).unwrap_or("file");
                    options.insert("_subdir", format!("{folder}s"));
                }
                self.run.lookup(lookup, terms.into_vec(), &options, scope)?
            }
        };
        Ok(Some(items))
    }

    /// What a `with_X` lookup takes: a list. Old playbooks name a variable without braces.
    fn terms(&self, lookup: &str, value: &Value, scope: &Scope) -> Result<Vec<Value>, Trouble> {
        let profile = self.run.options().compat.profile();
        let value = match value {
            Value::Text(text)
                if profile.bare_loops && !text.is_template() && text.is_trusted() && scope.has(text.trim()) =>
            {
                let notice = rplay_event::Notice::new(format!(
                    "Using a bare variable name in with_{lookup} is no longer supported by ansible-core; write \"{{{{ {} }}}}\".",
                    text.trim()
                ));
                self.run.warn_at(notice, text.origin());
                Value::Text(Text::trusted(format!("{{{{ {} }}}}", text.trim())).with_origin(text.origin()))
            }
            // first_found looks for the files itself and decides which undefined names matter.
            other => other.clone(),
        };
        Ok(match self.run.render(&value, scope)? {
            Rendered::Value(Value::List(list)) => list.into_vec(),
            Rendered::Value(Value::Map(map)) if profile.mapping_loops && lookup.ends_with("items") => {
                map.iter().map(|(key, _)| key.clone()).collect()
            }
            Rendered::Value(other) => vec![other],
            Rendered::Omit => Vec::new(),
        })
    }

    fn control(&self, scope: &Scope) -> Result<Control, Trouble> {
        let default = LoopControl::default();
        let control = self.task.loop_control.as_deref().unwrap_or(&default);
        let text = |name: &str, field| -> Result<Option<String>, Trouble> {
            Ok(self.run.maybe::<Text>(name, field, scope)?.map(|text| text.to_string()))
        };
        Ok(Control {
            var: text("loop_var", control.loop_var.as_ref())?.unwrap_or_else(|| "item".to_owned()),
            index: text("index_var", control.index_var.as_ref())?,
            pause: self.run.maybe::<f64>("pause", control.pause.as_ref(), scope)?.unwrap_or(0.0),
            extended: self.run.maybe::<bool>("extended", control.extended.as_ref(), scope)?.unwrap_or(false),
            all: self
                .run
                .maybe::<bool>("extended_allitems", control.extended_allitems.as_ref(), scope)?
                .unwrap_or(true),
            parallel: self.parallel(control, scope)?,
        })
    }

    /// How many items may be at work at once, when the task says so.
    fn parallel(&self, control: &LoopControl, scope: &Scope) -> Result<Option<usize>, Trouble> {
        let Some(field) = &control.parallel else { return Ok(None) };
        let Some(number) = self.run.field::<i64>("parallel", field, scope)? else { return Ok(None) };
        match usize::try_from(number) {
            Ok(number @ 1..) if self.task.include.is_none() => Ok(Some(number)),
            Ok(1..) => Err(Trouble::message("The items of an include cannot be at work in parallel.")
                .at(field.span)
                .help("put `loop_control.parallel` on the tasks that are included")),
            _ => Err(Trouble::message(format!("`parallel` must be at least 1, not {number}.")).at(field.span)),
        }
    }

    /// Runs every item.
    pub(crate) async fn run_loop(&self, scope: &Scope, items: List) -> Ran {
        if items.is_empty() {
            let mut result = Map::new();
            result.insert("changed", false);
            result.insert("skipped", true);
            result.insert("skipped_reason", "No items in the list");
            result.insert("results", List::new());
            return Ran { items: Some(Vec::new()), ..Ran::of(result) };
        }
        let control = match self.control(scope) {
            Ok(control) => control,
            Err(trouble) => return self.failure(trouble),
        };
        let register = self.register(scope).ok().flatten();
        if scope.has(&control.var) {
            let message = format!("The loop variable '{}' is already in use.", control.var);
            let help = "You should set the `loop_var` value in the `loop_control` option for the task to something else to avoid \
                        variable collisions and unexpected behavior.";
            self.run.warn(rplay_event::Notice { help: Some(help.to_owned()), ..rplay_event::Notice::new(message) });
        }
        match control.parallel {
            Some(at_once) => {
                self.run_parallel(scope, &control, &items, register.as_deref(), at_once).boxed_local().await
            }
            None => self.run_in_turn(scope, &control, &items, register).boxed_local().await,
        }
    }

    /// Runs the items one after the other. The call of one may be sent while the one before it is at work, where that
    /// makes no difference.
    async fn run_in_turn(&self, scope: &Scope, control: &Control, items: &List, register: Option<String>) -> Ran {
        let pipeline = Pipeline::default();
        let mut ahead = if self.pipelines(control, register.as_deref()) { AHEAD } else { 1 };
        let mut known = Known { scope: scope.clone(), register, registered: Value::Null };
        let mut rans: Vec<Ran> = Vec::with_capacity(items.len());
        let mut next = 0;
        let mut running = FuturesOrdered::new();
        let mut youngest: Option<Rc<Turn<'_>>> = None;
        while rans.len() < items.len() {
            while next < items.len()
                && (running.is_empty()
                    || running.len() < ahead && youngest.as_ref().is_some_and(|turn| turn.has_passed()))
            {
                if next > 0 && control.pause > 0.0 {
                    tokio::time::sleep(Duration::from_secs_f64(control.pause)).await;
                }
                let early = !running.is_empty();
                youngest = (ahead > 1).then(|| Rc::new(Turn::new(&pipeline, early)));
                running.push_back(self.item(known.scope(early), control, items, next, youngest.clone()).boxed_local());
                next += 1;
            }
            let done = tokio::select! {
                biased;
                done = running.next() => done,
                () = pipeline.passed() => continue,
            };
            let Some(mut item) = done else { break };
            if item.again {
                // Most likely the next ones would have to wait as well.
                ahead = 1;
                item = self.item(known.scope(false), control, items, item.index, None).boxed_local().await;
            }
            known.learn(&item);
            match self.finish(item, known.register.as_deref()) {
                Ok((ran, stop)) => {
                    rans.push(ran);
                    if stop {
                        break;
                    }
                }
                Err(trouble) => return self.failure(trouble),
            }
        }
        summary(rans)
    }

    /// Runs several items at once. None sees another one's result; they are told of in their order.
    async fn run_parallel(
        &self,
        scope: &Scope,
        control: &Control,
        items: &List,
        register: Option<&str>,
        at_once: usize,
    ) -> Ran {
        let mut rans: Vec<Ran> = Vec::with_capacity(items.len());
        let mut running = FuturesUnordered::new();
        let mut waiting: BTreeMap<usize, Item> = BTreeMap::new();
        let mut next = 0;
        while rans.len() < items.len() {
            while next < items.len() && running.len() < at_once {
                running.push(self.item(scope.clone(), control, items, next, None).boxed_local());
                next += 1;
            }
            let Some(item) = running.next().await else { break };
            waiting.insert(item.index, item);
            while let Some(item) = waiting.remove(&rans.len()) {
                match self.finish(item, register) {
                    Ok((ran, _)) => rans.push(ran),
                    Err(trouble) => return self.failure(trouble),
                }
            }
        }
        summary(rans)
    }

    /// Tells of an item. The second value says whether the loop stops here.
    fn finish(&self, item: Item, register: Option<&str>) -> Result<(Ran, bool), Trouble> {
        let Item { mut ran, mut scope, value, kept, .. } = item;
        if let Some(name) = register {
            scope = scope.with(name, ran.registered());
        }
        match self.label(&value, &scope) {
            Ok(label) => ran.label = label,
            Err(trouble) => {
                ran.result.insert("failed", true);
                ran.result.insert("msg", format!("Failed to template loop_control.label: {}", trouble.text()));
                ran.error = Some(trouble.report(&self.run.options().sources, self.span()));
            }
        }
        if !kept {
            self.item_finished(&ran);
        }
        let stop = self.stops(&scope)?;
        Ok((ran, stop))
    }

    async fn item(
        &self,
        rest: Scope,
        control: &Control,
        items: &List,
        index: usize,
        turn: Option<Rc<Turn<'_>>>,
    ) -> Item {
        let item = items.get(index).cloned().unwrap_or_default();
        let own = item_variables(control, items, index, &item);
        let mut scope = rest;
        for (name, value) in own.texts() {
            scope = scope.with(name.as_str(), value.clone());
        }
        if let Some(ran) = self.kept_item(index, &own) {
            return Item { index, learnt: self.learnt(&ran), ran, again: false, scope, value: item, kept: true };
        }
        let (mut ran, learnt) = self.once(&scope, &own, turn.as_deref(), None).await;
        let again = turn.is_some_and(|turn| turn.must_begin_again());
        if !again {
            self.keep_item(index, &own, &mut ran);
        }
        ran.result.extend(own);
        Item { index, ran, again, learnt, scope, value: item, kept: false }
    }

    /// The variables of an item of the whole loop.
    pub(crate) fn item_of(&self, scope: &Scope, items: &List, index: usize) -> Option<Map> {
        let control = self.control(scope).ok()?;
        Some(item_variables(&control, items, index, items.get(index)?))
    }

    /// Whether items may be sent ahead at all. Whether one is, its own templates and its action decide: see [`Turn`].
    fn pipelines(&self, control: &Control, register: Option<&str>) -> bool {
        let task = self.task;
        let alone = task.until.is_empty()
            && task.retries.is_none()
            && task.async_.is_none()
            && task.include.is_none()
            && control.pause == 0.0
            && task.loop_control.as_ref().is_none_or(|control| control.break_when.is_empty())
            && self.step.keyword(|c| c.delegate_to.as_ref()).is_none()
            && self.step.keyword(|c| c.timeout.as_ref()).is_none();
        alone && !(register.is_some() && self.renders_late())
    }

    /// Whether something is rendered after the item's call: it would not see the result of the item before.
    fn renders_late(&self) -> bool {
        let template = |field: Option<&Field<bool>>| field.is_some_and(|f| matches!(f.value, Written::Template(_)));
        template(self.step.keyword(|c| c.ignore_errors.as_ref()))
            || template(self.step.keyword(|c| c.ignore_unreachable.as_ref()))
            || template(self.step.keyword(|c| c.no_log.as_ref()))
            || self.step.notify().into_iter().any(rplay_value::Text::is_template)
    }

    fn label(&self, item: &Value, scope: &Scope) -> Result<Option<Value>, Trouble> {
        match self.task.loop_control.as_ref().and_then(|control| control.label.as_ref()) {
            None => Ok(Some(item.clone())),
            Some(label) => Ok(self.run.render(label, scope)?.value()),
        }
    }

    /// What stands before the lines of an item's output. None when its label cannot be told yet.
    pub(crate) fn line_label(&self, item: &Map, scope: &Scope) -> Option<Value> {
        let item = item.get(item.get("ansible_loop_var")?.as_str()?)?;
        match self.task.loop_control.as_ref().and_then(|control| control.label.as_ref()) {
            None => Some(item.clone()),
            // Items with labels may be long, or nobody's business.
            Some(label) => self.run.render(label, scope).ok().and_then(Rendered::value),
        }
    }

    /// Whether `break_when` holds.
    fn stops(&self, scope: &Scope) -> Result<bool, Trouble> {
        let Some(control) = self.task.loop_control.as_deref().filter(|control| !control.break_when.is_empty()) else {
            return Ok(false);
        };
        Ok(self.first_false(&control.break_when, scope)?.is_none())
    }

    fn item_finished(&self, ran: &Ran) {
        let outcome = ran.outcome(false);
        if !outcome.is_bad() && !ran.skipped() {
            self.run.show_diff(self.id, &self.host, ran);
            // Their items are shown when the inventory has changed.
            let resolved = &self.task.action.resolved;
            if is_builtin(resolved, "add_host") || is_builtin(resolved, "group_by") {
                return;
            }
        }
        self.run.emit(EventKind::ItemFinished {
            task: self.id,
            host: Arc::clone(&self.host),
            outcome,
            result: Arc::new(ran.shown()),
        });
    }
}

/// The variables of one item.
fn item_variables(control: &Control, items: &List, index: usize, item: &Value) -> Map {
    let mut own = Map::new();
    own.insert(control.var.as_str(), item.clone());
    own.insert("ansible_loop_var", control.var.as_str());
    if let Some(name) = &control.index {
        own.insert(name.as_str(), index);
        own.insert("ansible_index_var", name.as_str());
    }
    if control.extended {
        own.insert("ansible_loop", extended_loop(items, index, control.all));
    }
    own
}

/// The result of the whole loop.
pub(crate) fn summary(rans: Vec<Ran>) -> Ran {
    let mut whole = Ran::default();
    let result = &mut whole.result;
    let skipped = rans.iter().all(Ran::skipped);
    let failed = rans.iter().any(|ran| ran.result.get("failed").is_some_and(Value::is_true));
    result.insert("results", rans.iter().map(|ran| Value::Map(ran.result.clone())).collect::<List>());
    result.insert("skipped", skipped);
    // In the order in which ansible-core sets them: it shows when a registered result is printed.
    let changed = rans.iter().any(Ran::changed);
    if changed {
        result.insert("changed", true);
    }
    if failed {
        result.insert("failed", true);
    }
    if rans.iter().any(Ran::unreachable) {
        result.insert("unreachable", true);
    }
    let msg = if failed { "One or more items failed" } else { "All items completed" };
    result.insert("msg", if skipped { "All items skipped" } else { msg });
    result.insert("changed", changed);
    whole.no_log = rans.iter().any(|ran| ran.no_log);
    let bad = |test: fn(&Ran) -> bool, ignored: fn(&Ran) -> bool| {
        let mut some = rans.iter().filter(|ran| test(ran)).peekable();
        some.peek().is_some() && some.all(ignored)
    };
    whole.ignore_errors = bad(|ran| ran.result.get("failed").is_some_and(Value::is_true), |ran| ran.ignore_errors);
    whole.ignore_unreachable = bad(Ran::unreachable, |ran| ran.ignore_unreachable);
    whole.delegate = rans.last().and_then(|ran| ran.delegate.clone());
    whole.show_diff = rans.iter().any(|ran| ran.show_diff);
    whole.items = Some(rans);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(keys: &[(&str, bool)]) -> Ran {
        Ran::of(keys.iter().map(|(k, v)| (*k, *v)).collect())
    }

    #[test]
    fn a_loop_sums_its_items_up() {
        let whole = summary(vec![ran(&[("skipped", true)]), ran(&[("changed", true), ("failed", false)])]);
        assert_eq!(whole.result.get("msg"), Some(&Value::from("All items completed")));
        assert!(whole.changed() && !whole.skipped() && !whole.failed());
        let whole = summary(vec![ran(&[("skipped", true)])]);
        assert_eq!(whole.result.get("msg"), Some(&Value::from("All items skipped")));
        let mut bad = ran(&[("failed", true)]);
        bad.ignore_errors = true;
        let whole = summary(vec![bad.clone(), ran(&[("failed", true)])]);
        assert!(whole.failed() && !whole.ignore_errors);
        assert!(summary(vec![bad]).ignore_errors);
    }
}
