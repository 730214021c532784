//! One task on one host: loop, condition, arguments, action, and what its result means.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use rplay_diag::{Diagnostic, Severity, Span};
use rplay_event::{Delegate, EventKind, Notice, TaskId};
use rplay_playbook::{Condition, Include, Resolve as _, Task};
use rplay_template::{Rendered, Scope, Slot};
use rplay_value::{Map, Text, Value};

use crate::action::{ActionCx, Done, Turn, find_action};
use crate::fields::Keyword;
use crate::journal::Before;
use crate::plan::{Step, is_builtin};
use crate::ran::{Effect, IncludeRequest, Ran};
use crate::resolve::Defaulted;
use crate::run::Run;
use crate::trouble::Trouble;
use crate::vars::{DelegatedVars, PlayScope, Reach, View, layers};

/// The longest `timeout` there is, in seconds: ansible-core's.
const MAX_TIMEOUT: i64 = 100_000_000;

/// One task on one host.
pub(crate) struct TaskCx<'r> {
    pub(crate) run: &'r Run,
    pub(crate) play: &'r Arc<PlayScope>,
    pub(crate) step: &'r Arc<Step>,
    pub(crate) task: &'r Task,
    pub(crate) host: Arc<str>,
    pub(crate) id: TaskId,
    /// Variables that the user set in the debugger, stronger than all others.
    pub(crate) overrides: Option<&'r Map>,
    /// What a run that goes on knows of the step.
    pub(crate) before: Option<Arc<Before>>,
}

/// The keywords of a task after rendering, for one host and item.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) check: bool,
    pub(crate) diff: bool,
    pub(crate) no_log: bool,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) timeout: i64,
    pub(crate) r#become: Option<bool>,
    pub(crate) become_user: Option<String>,
    pub(crate) become_method: Option<String>,
    pub(crate) become_exe: Option<String>,
    pub(crate) become_flags: Option<String>,
    pub(crate) connection: Option<String>,
    pub(crate) remote_user: Option<String>,
    pub(crate) port: Option<i64>,
    pub(crate) retries: Option<i64>,
    pub(crate) delay: f64,
    pub(crate) async_seconds: i64,
    pub(crate) poll: i64,
    /// `ansible_python_module_rlimit_nofile`; 0 leaves it.
    pub(crate) open_files: u64,
}

impl Settings {
    pub(crate) fn timeout(&self) -> Option<u64> {
        u64::try_from(self.timeout).ok().filter(|seconds| *seconds > 0)
    }
}

/// The host that does the work instead.
#[derive(Clone)]
pub(crate) struct Delegated {
    pub(crate) name: Arc<str>,
    pub(crate) scope: Scope,
    pub(crate) shown: Delegate,
}

impl TaskCx<'_> {
    pub(crate) fn scope(&self) -> Result<Scope, Trouble> {
        let mut scope = self.run.view(Some(&self.host), Some(self.play), Some(self.step))?.into_scope();
        for (name, value) in self.overrides.into_iter().flat_map(Map::texts) {
            scope = scope.with(name.as_str(), value.clone());
        }
        Ok(scope)
    }

    /// Runs the task: its loop, or once.
    pub(crate) async fn execute(&self) -> Ran {
        let scope = match self.scope() {
            Ok(scope) => scope,
            Err(trouble) => return self.failure(trouble),
        };
        for name in &layers(self.step).reserved {
            self.run.warn_reserved(name);
        }
        let ran = self.execute_in(&scope).await;
        drop(self.run.kept_worker(self.id, &self.host));
        ran
    }

    async fn execute_in(&self, scope: &Scope) -> Ran {
        match self.items(scope) {
            Ok(None) => self.counted(self.once(scope, &Map::new(), None, None).boxed_local().await.0),
            Ok(Some(items)) => self.run_loop(scope, items).boxed_local().await,
            // Something undefined counts only when the task is not skipped; anything else ends it before that is known.
            Err(trouble) => {
                let before = !trouble.undefined;
                self.once(scope, &Map::new(), None, Some(Trouble { before, ..trouble })).boxed_local().await.0
            }
        }
    }

    /// Runs once in a scope: the whole task, or one item. Also the variables that following items see.
    pub(crate) async fn once(
        &self,
        scope: &Scope,
        item: &Map,
        turn: Option<&Turn<'_>>,
        loop_error: Option<Trouble>,
    ) -> (Ran, Map) {
        let mut delegated = None;
        let mut ran = match self.attempt(scope, item, turn, loop_error, &mut delegated).await {
            Ok(ran) => ran,
            Err(trouble) => self.failure(trouble),
        };
        let keyword = |name: &str, field| self.run.maybe::<bool>(name, field, scope);
        ran.ignore_errors =
            keyword("ignore_errors", self.step.keywords(|c| c.ignore_errors.as_ref())).ok().flatten().unwrap_or(false);
        ran.ignore_unreachable = keyword("ignore_unreachable", self.step.keywords(|c| c.ignore_unreachable.as_ref()))
            .ok()
            .flatten()
            .unwrap_or(false);
        // What cannot be decided must not be shown.
        ran.no_log |= keyword("no_log", self.step.keywords(|c| c.no_log.as_ref()))
            .map_or(true, |value| value.unwrap_or(self.run.options().no_log));
        if let Some(delegated) = delegated {
            ran.delegate = Some(delegated.shown);
            ran.delegate_facts = keyword("delegate_facts", self.step.keywords(|c| c.delegate_facts.as_ref()))
                .ok()
                .flatten()
                .unwrap_or(false);
        }
        let learnt = self.learnt(&ran);
        (ran, learnt)
    }

    /// The variables that following items see.
    pub(crate) fn learnt(&self, ran: &Ran) -> Map {
        let mut learnt = Map::new();
        for effect in &ran.effects {
            match effect {
                Effect::Facts { facts, set: true, .. } | Effect::Vars(facts) => learnt.extend(facts.clone()),
                Effect::Facts { facts, .. } if self.run.options().inject_facts => {
                    learnt.extend(crate::vars::facts::injected(facts));
                }
                _ => {}
            }
        }
        learnt
    }

    /// A failed or unreachable result.
    pub(crate) fn failure(&self, trouble: Trouble) -> Ran {
        let report = trouble.report(&self.run.options().sources, self.task.span);
        let msg = trouble.msg.clone().unwrap_or_else(|| report.message());
        let mut result = Map::new();
        if !trouble.before {
            result.insert("changed", false);
        }
        if trouble.unreachable {
            result.insert("unreachable", true);
        } else {
            result.insert("failed", true);
        }
        result.insert("msg", msg);
        result.extend(trouble.keys);
        Ran { error: Some(report), ..Ran::of(result) }
    }

    /// The first condition that does not hold.
    pub(crate) fn first_false<'c>(
        &self,
        conditions: impl IntoIterator<Item = &'c Condition>,
        scope: &Scope,
    ) -> Result<Option<&'c Condition>, Trouble> {
        for condition in conditions {
            if !self.run.condition(condition, scope)? {
                return Ok(Some(condition));
            }
        }
        Ok(None)
    }

    async fn attempt(
        &self,
        scope: &Scope,
        item: &Map,
        turn: Option<&Turn<'_>>,
        loop_error: Option<Trouble>,
        shown: &mut Option<Delegated>,
    ) -> Result<Ran, Trouble> {
        let loop_error = match loop_error {
            Some(trouble) if trouble.before => return Err(trouble),
            other => other,
        };
        let watch = turn.and_then(Turn::watch);
        let delegated = self.delegate(scope, item)?;
        shown.clone_from(&delegated);
        let with_delegated;
        let scope = match &delegated {
            Some(delegated) => {
                let vars = DelegatedVars { name: Arc::clone(&delegated.name), scope: delegated.scope.clone() };
                with_delegated = scope.with_slot("ansible_delegated_vars", Slot::Namespace(Arc::new(vars)));
                &with_delegated
            }
            None => scope,
        };
        let reached = delegated.as_ref().map_or(scope, |delegated| &delegated.scope);
        let reach = Reach {
            engine: self.run.engine().clone(),
            world: Arc::clone(self.run.world()),
            step: Arc::clone(self.step),
            host: delegated.as_ref().map_or_else(|| Arc::clone(&self.host), |delegated| Arc::clone(&delegated.name)),
            scope: reached.clone(),
            delegated: delegated.is_some(),
        };
        let scope = &scope.above(Arc::new(reach));
        match self.first_false(self.step.conditions(), scope) {
            Ok(Some(condition)) => return Ok(skipped(condition)),
            Ok(None) => {}
            Err(trouble) => return Err(loop_error.unwrap_or(trouble)),
        }
        if let Some(trouble) = loop_error {
            return Err(trouble);
        }
        if let Some(include) = &self.task.include {
            return self.include(include, scope, item);
        }
        let settings = self.settings(scope)?;
        let (name, free_form_name) = self.action_name(scope)?;
        let aging = self.run.resolver().deprecations(&self.task.action.name);
        self.run.warn_loaded(aging.into_iter().map(|text| Diagnostic::new(Severity::Deprecated, text)).collect());
        let args = self.arguments(&name, free_form_name, scope)?;
        if !(0..=MAX_TIMEOUT).contains(&settings.timeout) {
            let timeout = settings.timeout;
            let message = format!("Timeout {timeout} is invalid, it must be between 0 and {MAX_TIMEOUT}.");
            return Err(Trouble::message(message));
        }
        let mut cx = ActionCx::new(self, scope, reached, &settings, delegated.as_ref(), name, args);
        cx.turn = turn;
        cx.label = self.line_label(item, scope);
        drop(watch);
        if turn.is_some_and(Turn::must_begin_again) {
            return Err(Trouble::message("the item has to wait for the ones before it"));
        }
        self.attempts(&mut cx).await
    }

    /// The keywords that the work depends on.
    fn settings(&self, scope: &Scope) -> Result<Settings, Trouble> {
        let step = self.step;
        let options = self.run.options();
        let text = |name: &str, field| -> Result<Option<String>, Trouble> {
            Ok(self.run.maybe::<Text>(name, field, scope)?.map(|text| text.to_string()))
        };
        let flag = |name: &str, field| self.run.maybe::<bool>(name, field, scope);
        let int = |name: &str, field| self.run.maybe::<i64>(name, field, scope);
        Ok(Settings {
            check: flag("check_mode", step.keywords(|c| c.check_mode.as_ref()))?.unwrap_or(options.check),
            diff: flag("diff", step.keywords(|c| c.diff.as_ref()))?.unwrap_or(options.diff),
            no_log: flag("no_log", step.keywords(|c| c.no_log.as_ref()))?.unwrap_or(options.no_log),
            environment: self.environment(scope)?,
            timeout: int("timeout", step.keywords(|c| c.timeout.as_ref()))?.unwrap_or(options.task_timeout),
            r#become: flag("become", step.keywords(|c| c.r#become.as_ref()))?,
            become_user: text("become_user", step.keywords(|c| c.become_user.as_ref()))?,
            become_method: text("become_method", step.keywords(|c| c.become_method.as_ref()))?,
            become_exe: text("become_exe", step.keywords(|c| c.become_exe.as_ref()))?,
            become_flags: text("become_flags", step.keywords(|c| c.become_flags.as_ref()))?,
            connection: text("connection", step.keywords(|c| c.connection.as_ref()))?,
            remote_user: text("remote_user", step.keywords(|c| c.remote_user.as_ref()))?,
            port: int("port", step.keywords(|c| c.port.as_ref()))?,
            retries: int("retries", self.task.retries.iter().collect())?,
            delay: self.run.maybe::<f64>("delay", self.task.delay.as_ref(), scope)?.unwrap_or(5.0),
            async_seconds: int("async", self.task.async_.iter().collect())?.unwrap_or(0),
            poll: int("poll", self.task.poll.iter().collect())?.unwrap_or(options.poll_interval as i64),
            open_files: match self.run.text_variable("ansible_python_module_rlimit_nofile", scope)? {
                Some(text) => text.trim().parse().unwrap_or(0),
                None if scope.has("ansible_python_module_rlimit_nofile") => 0,
                None => options.modules.open_files,
            },
        })
    }

    /// The task's environment: inner levels over outer ones.
    fn environment(&self, scope: &Scope) -> Result<BTreeMap<String, String>, Trouble> {
        let mut environment = BTreeMap::new();
        let gathers =
            is_builtin(&self.task.action.resolved, "gather_facts") || is_builtin(&self.task.action.resolved, "setup");
        for entry in self.step.environment() {
            let mut add =
                |key: &Value, value: &Value| environment.insert(key.to_str().into_owned(), value.to_str().into_owned());
            match entry {
                Value::Map(map) => {
                    for (key, value) in map {
                        match self.run.render(value, scope) {
                            Ok(Rendered::Value(value)) => _ = add(key, &value),
                            Ok(Rendered::Omit) => {}
                            // Facts are only about to be gathered: what needs them comes later.
                            Err(error)
                                if gathers
                                    && (error.text().contains("ansible_env")
                                        || error.text().contains("ansible_facts")) => {}
                            Err(error) => return Err(error.within("Error processing keyword 'environment'", None)),
                        }
                    }
                }
                other => match self.run.render(other, scope)? {
                    Rendered::Value(Value::Map(map)) => map.iter().for_each(|(key, value)| _ = add(key, value)),
                    Rendered::Omit | Rendered::Value(Value::Null) => {}
                    Rendered::Value(value) => {
                        self.run.warn(Notice::new(format!(
                            "could not parse environment value, skipping: {}",
                            value.repr()
                        )));
                    }
                },
            }
        }
        Ok(environment)
    }

    /// The resolved name of the module or action; with it, arguments of an `action: "{{ .. }}"` that holds both.
    fn action_name(&self, scope: &Scope) -> Result<(Arc<str>, Option<String>), Trouble> {
        let action = &self.task.action;
        if !action.name.is_template() {
            // Only ad-hoc commands get here with a name that nobody knows: a playbook with one cannot be read.
            if !action.resolved.contains('.') && !self.is_known(&action.resolved) {
                let message = format!("Cannot resolve '{}' to an action or module.", action.name);
                return Err(Trouble::message(message).at(action.span));
            }
            return Ok((Arc::clone(&action.resolved), None));
        }
        let rendered = self.run.render(&Value::Text(action.name.clone()), scope)?;
        let Rendered::Value(value) = rendered else {
            return Err(Trouble::message("Omit is not valid for the `action` keyword.").at(action.span));
        };
        let text = value.to_str();
        let (name, rest) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
        let role = self.step.role.as_ref().map(|role| role.path.as_path());
        let found = self.run.resolver().action(name, self.step.collections(), role);
        let found = found.map_err(|error| Trouble::message(error.message).at(action.span))?;
        Ok((found.unwrap_or_else(|| Arc::from(name)), (!rest.is_empty()).then(|| rest.trim().to_owned())))
    }

    fn is_known(&self, name: &str) -> bool {
        let role = self.step.role.as_ref().map(|role| role.path.as_path());
        !matches!(self.run.resolver().action(name, self.step.collections(), role), Ok(None))
    }

    /// The arguments after templating, defaults of `module_defaults` beneath them.
    fn arguments(&self, name: &Arc<str>, free_form: Option<String>, scope: &Scope) -> Result<Map, Trouble> {
        let action = &self.task.action;
        let python = self.run.resolver().python_action(name);
        let native = find_action(name).filter(|_| python.is_none());
        let traits = native.map(super::action::Action::traits);
        let unrendered = traits.map_or(&[] as &[&str], |traits| traits.unrendered);
        let keeps_vault = traits.is_some_and(|traits| traits.keeps_vault);
        let within = |trouble: Trouble| {
            trouble.within(format!("Finalization of task args for '{name}' failed."), action.span.or(self.task.span))
        };
        let mut args = self.module_defaults(name, scope).map_err(within)?;
        let takes_raw = python.as_ref().is_some_and(|plugin| plugin.free_form);
        let raw_spread = action.raw_spread.as_ref().filter(|_| !takes_raw);
        for spread in action.spread.iter().chain(raw_spread) {
            match self.run.render(&Value::Text(spread.clone()), scope).map_err(within)? {
                Rendered::Value(Value::Map(map)) => args.extend(map),
                Rendered::Omit => {}
                Rendered::Value(other) => {
                    let message = format!("Task args must resolve to a 'dict' not '{}'.", other.type_name());
                    return Err(within(Trouble::message(message).at(spread.origin())));
                }
            }
        }
        // Arguments are taken in the order of their names, as ansible-core 2.19: it shows in what fails first, and in the
        // order of what `set_fact` and modules are given.
        let mut given: Vec<(&Value, &Value)> = action.args.iter().collect();
        given.sort_by_cached_key(|(key, _)| key.to_str().into_owned());
        for (key, value) in given {
            let option = key.to_str();
            let keep = keeps_vault && matches!(value, Value::Vault(_));
            if keep || unrendered.contains(&&*option) || !value.holds_template() {
                args.insert(key.clone(), value.clone());
                continue;
            }
            match self
                .run
                .render_at(value, scope, || format!("Error while resolving value for '{option}'"))
                .map_err(within)?
            {
                Rendered::Value(value) => _ = args.insert(key.clone(), value),
                Rendered::Omit => _ = args.remove(&option),
            }
        }
        let raw = action.raw_spread.as_ref().filter(|_| takes_raw);
        if let Some(text) = action.free_form.as_ref().or(raw) {
            match self
                .run
                .render_at(&Value::Text(text.clone()), scope, || {
                    "Error while resolving value for '_raw_params'".to_owned()
                })
                .map_err(within)?
            {
                Rendered::Value(value) => _ = args.insert("_raw_params", value),
                Rendered::Omit => {}
            }
        }
        if let Some(text) = free_form {
            args.insert("_raw_params", text);
        }
        let takes_free_form = match (&python, traits) {
            (Some(plugin), _) => plugin.free_form,
            (None, Some(traits)) => traits.free_form || traits.name == "normal",
            (None, None) => true,
        };
        if !takes_free_form && args.contains("_raw_params") {
            return Err(Trouble::message(format!("Action '{name}' does not support raw params.")).at(action.span));
        }
        if let Some(traits) = traits.filter(|traits| !traits.arguments.is_empty()) {
            self.check_arguments(&args, action.name.as_ref(), traits.arguments)?;
        }
        Ok(args)
    }

    fn check_arguments(&self, args: &Map, name: &str, known: &'static [&'static str]) -> Result<(), Trouble> {
        let unknown: Vec<&str> = args.texts().map(|(key, _)| key.as_str()).filter(|key| !known.contains(key)).collect();
        let Some(first) = unknown.first() else { return Ok(()) };
        let span = self.task.action.args.get_entry(first).and_then(|(key, _)| key.origin());
        let trouble = Trouble::action(format!("Invalid options for {name}: {}", unknown.join(","))).at(span);
        Err(match rplay_diag::nearest(first, known.iter().copied()) {
            Some(near) => trouble.help(format!("did you mean `{near}`?")),
            None => trouble.help(format!("the options are {}", rplay_diag::quoted_list(known.iter().copied()))),
        })
    }

    /// The defaults of a module that an action runs under this name.
    pub(crate) fn defaults_of(&self, name: &str, scope: &Scope) -> Result<Map, Trouble> {
        let role = self.step.role.as_ref().map(|role| role.path.as_path());
        let found = self.run.resolver().action(name, self.step.collections(), role);
        let full = found.ok().flatten().unwrap_or_else(|| Arc::from(name));
        self.module_defaults(&full, scope)
    }

    /// The defaults of an action: those of its groups, then its own. Of each name, only the innermost level counts.
    fn module_defaults(&self, name: &str, scope: &Scope) -> Result<Map, Trouble> {
        let resolver = self.run.resolver();
        let mut named: Vec<(Defaulted, Value)> = Vec::new();
        for entry in self.step.module_defaults() {
            let map = match entry {
                Value::Map(map) => map.clone(),
                // A template of the whole was possible in old releases.
                other => match self.run.render(other, scope)? {
                    Rendered::Value(Value::Map(map)) => map,
                    _ => continue,
                },
            };
            for (key, defaults) in map.texts() {
                let key = resolver.defaulted(key);
                match named.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, known)) => known.clone_from(defaults),
                    None => named.push((key, defaults.clone())),
                }
            }
        }
        let mut out = Map::new();
        let of = |name: &str| -> Vec<&Value> {
            let groups = named
                .iter()
                .filter(|(key, _)| matches!(key, Defaulted::Group { members, .. } if members.contains(name)));
            let own = named.iter().filter(|(key, _)| matches!(key, Defaulted::Action(action) if **action == *name));
            groups.chain(own).map(|(_, defaults)| defaults).collect()
        };
        // What a general module hands its work to has defaults too, beneath its own.
        let backend = if named.is_empty() { None } else { self.backend(name, scope)? };
        for defaults in backend.iter().flat_map(|backend| of(backend)).chain(of(name)) {
            match self.run.render(defaults, scope)? {
                Rendered::Value(Value::Map(defaults)) => out.extend(defaults),
                Rendered::Omit | Rendered::Value(Value::Null) => {}
                Rendered::Value(other) => {
                    let message = format!("module_defaults must be a mapping, not {}", other.type_name());
                    return Err(Trouble::message(message).at(defaults.origin()));
                }
            }
        }
        Ok(out)
    }

    /// The module that `service` or `package` stands for on this host, as far as facts tell.
    fn backend(&self, name: &str, scope: &Scope) -> Result<Option<String>, Trouble> {
        let fact = match name.strip_prefix("ansible.builtin.") {
            Some("service") => "ansible_service_mgr",
            Some("package") => "ansible_pkg_mgr",
            _ => return Ok(None),
        };
        Ok(self.run.text_variable(fact, scope)?.map(|backend| format!("ansible.builtin.{backend}")))
    }

    fn include(&self, include: &Include, scope: &Scope, item: &Map) -> Result<Ran, Trouble> {
        let request = self.include_request(include, scope, item)?;
        let mut result = Map::from_iter([("changed", Value::Bool(false))]);
        match &request {
            IncludeRequest::Tasks { file, .. } => {
                result.insert("include", file.as_str());
                result.insert("include_args", Map::new());
            }
            IncludeRequest::Role { name, .. } => {
                result.insert("include_args", Map::from_iter([("name", name.as_str())]));
            }
        }
        Ok(Ran { effects: vec![Effect::Include(request)], ..Ran::of(result) })
    }

    /// Runs the action until it is good enough.
    async fn attempts(&self, cx: &mut ActionCx<'_>) -> Result<Ran, Trouble> {
        let settings = cx.settings;
        let scope = cx.scope;
        let total = 1 + match settings.retries {
            Some(retries) => retries.max(0),
            None if !self.task.until.is_empty() => 3,
            None => 0,
        };
        let delay = if settings.delay < 0.0 { 1.0 } else { settings.delay };
        let args = cx.args.clone();
        let mut attempt = 1;
        loop {
            let done = self.act(cx).await?;
            let mut ran = Self::normalize(done, cx);
            if self.before.is_some() {
                Box::pin(self.changed_before(cx, &mut ran)).await;
            }
            if total > 1 {
                ran.result.insert("attempts", attempt);
            }
            let after = self.after(scope, &ran)?;
            self.judge(&mut ran, &after);
            if total > 1 {
                let after = self.after(scope, &ran)?;
                let good = if self.task.until.is_empty() {
                    !ran.failed()
                } else {
                    self.first_false(&self.task.until, &after)?.is_none()
                };
                if !good && attempt < total {
                    ran.result.insert("retries", total);
                    self.run.emit(EventKind::Retried {
                        task: self.id,
                        host: Arc::clone(&self.host),
                        retries_left: (total - attempt) as u64,
                        result: Arc::new(Self::censored_early(&ran, settings).shown()),
                    });
                    tokio::time::sleep(Duration::from_secs_f64(delay)).await;
                    attempt += 1;
                    cx.args.clone_from(&args);
                    cx.warnings.clear();
                    cx.deprecations.clear();
                    continue;
                }
                if !good {
                    ran.result.insert("attempts", total - 1);
                    ran.result.insert("failed", true);
                }
            }
            self.explain(&mut ran);
            self.note_unpredicted(&ran, settings);
            ran.notify = self.notifications(scope, &ran)?;
            ran.show_diff = settings.diff;
            return Ok(ran);
        }
    }

    /// In check mode: why something was not run, where its result does not say so itself.
    fn note_unpredicted(&self, ran: &Ran, settings: &Settings) {
        if !settings.check || !ran.skipped() || ran.result.contains("msg") {
            return;
        }
        let text = format!("{} was not run: it cannot tell in check mode what it would change", self.task.action.name);
        self.run.emit(EventKind::Verbose { level: 1, host: Some(Arc::clone(&self.host)), text });
    }

    fn censored_early(ran: &Ran, settings: &Settings) -> Ran {
        Ran { no_log: ran.no_log || settings.no_log, ..ran.clone() }
    }

    async fn act(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let name = Arc::clone(&cx.name);
        let python = self.run.resolver().python_action(&name);
        let action = find_action(&name).unwrap_or(&crate::actions::normal::ACTION);
        if cx.settings.async_seconds > 0 {
            return Box::pin(crate::background::run(action, python.as_deref(), cx)).await;
        }
        let timeout = cx.settings.timeout();
        let work = async {
            match &python {
                Some(plugin) => Box::pin(crate::python_action::run(plugin, cx)).await,
                None => action.run(cx).await,
            }
        };
        let Some(seconds) = timeout else { return work.await };
        if let Ok(done) = tokio::time::timeout(Duration::from_secs(seconds), work).await {
            done
        } else {
            let period = Map::from_iter([("period", seconds)]);
            Err(Trouble::message(format!("Timed out after {seconds} second(s)."))
                .with(Map::from_iter([("timedout", period)])))
        }
    }

    /// Fills in what every result has.
    fn normalize(done: Done, cx: &mut ActionCx<'_>) -> Ran {
        let mut ran = Ran {
            verbose_always: done.verbose_always,
            verbose_override: done.verbose_override,
            no_log: done.secret,
            warnings: std::mem::take(&mut cx.warnings),
            deprecations: std::mem::take(&mut cx.deprecations),
            effects: done.effects,
            ..Ran::of(done.result)
        };
        if !ran.result.contains("failed") && !done.skipped {
            let rc = ran.result.get("rc").is_some_and(|rc| !matches!(rc, Value::Int(0)) && rc.as_str() != Some("0"));
            ran.result.insert("failed", rc);
        }
        if !ran.result.contains("changed") {
            ran.result.insert("changed", false);
        }
        if done.of_module
            && !ran.effects.iter().any(|effect| matches!(effect, Effect::Facts { .. } | Effect::Vars(_)))
            && let Some(Value::Map(facts)) = ran.result.get("ansible_facts")
        {
            let gathered = is_builtin(&cx.name, "gather_facts");
            ran.effects.push(Effect::Facts { facts: facts.clone(), set: false, cacheable: false, gathered });
        }
        ran
    }

    /// The scope in which a result is judged: with what it registered and set.
    fn after(&self, scope: &Scope, ran: &Ran) -> Result<Scope, Trouble> {
        let mut after = scope.clone();
        for effect in &ran.effects {
            match effect {
                Effect::Facts { facts, set: true, .. } | Effect::Vars(facts) => {
                    for (name, value) in facts.texts() {
                        after = after.with(name.as_str(), value.clone());
                    }
                }
                Effect::Facts { facts, .. } => {
                    let mut all = self.run.world().facts(&self.host).namespaced;
                    crate::vars::facts::merge(&mut all, &crate::vars::facts::namespaced(facts));
                    after = after.with("ansible_facts", Value::Map(all));
                }
                _ => {}
            }
        }
        if let Some(name) = self.register(scope)? {
            after = after.with(&name, ran.registered());
        }
        Ok(after)
    }

    /// The name of `register`.
    pub(crate) fn register(&self, scope: &Scope) -> Result<Option<String>, Trouble> {
        Ok(self.run.maybe::<Text>("register", self.task.register.as_ref(), scope)?.map(|text| text.to_string()))
    }

    /// `changed_when` and `failed_when`.
    fn judge(&self, ran: &mut Ran, after: &Scope) {
        if ran.skipped() {
            return;
        }
        let failed = |ran: &mut Ran, key: &str, trouble: Trouble| {
            ran.result.insert("failed", true);
            ran.result.insert(key, trouble.text());
            ran.error = Some(trouble.report(&self.run.options().sources, self.task.span));
        };
        if !self.task.changed_when.is_empty() {
            match self.first_false(&self.task.changed_when, after) {
                Ok(first) => _ = ran.result.insert("changed", first.is_none()),
                Err(trouble) => return failed(ran, "changed_when_result", trouble),
            }
        }
        if !self.task.failed_when.is_empty() {
            match self.first_false(&self.task.failed_when, after) {
                Ok(first) => {
                    let is_failed = first.is_none();
                    let was = ran.result.get("failed").is_some_and(Value::is_true);
                    ran.result.insert("failed", is_failed);
                    ran.result.insert("failed_when_result", is_failed);
                    if !is_failed && was {
                        ran.result.insert("failed_when_suppressed_exception", "(traceback unavailable)");
                    }
                }
                Err(trouble) => failed(ran, "failed_when_result", trouble),
            }
        }
    }

    /// The report of a result that says it failed.
    fn explain(&self, ran: &mut Ran) {
        if !ran.failed() || ran.error.is_some() {
            return;
        }
        let raised = ran.result.remove(rplay_modules::foreign::RAISED);
        let msg = ran.result.get("msg").or(raised.as_ref()).map(|msg| msg.to_str().into_owned()).unwrap_or_default();
        let resolved = &self.task.action.resolved;
        let module = find_action(resolved).is_none() && self.run.resolver().python_action(resolved).is_none();
        // A module that says nothing has not failed: its status made a failure of it.
        let what = if module && !msg.is_empty() { "Module failed" } else { "Action failed" };
        let message = if msg.is_empty() { format!("{what}: Unknown error.") } else { format!("{what}: {msg}") };
        let report = Trouble::message(message).report(&self.run.options().sources, self.task.span);
        // A module that broke off is told of as its task, as ansible-core does.
        if !ran.result.contains("msg") || module && ran.result.contains("exception") {
            ran.result.insert("msg", report.message());
        }
        ran.error = Some(report);
    }

    /// The handlers to notify, rendered; each entry may be a list.
    fn notifications(&self, scope: &Scope, ran: &Ran) -> Result<Vec<String>, Trouble> {
        let mut names = Vec::new();
        if !ran.changed() && !self.step.looped() {
            return Ok(names);
        }
        for text in self.step.notify() {
            if !text.is_template() {
                names.push(text.to_string());
                continue;
            }
            if let Rendered::Value(value) = self.run.render(&Value::Text(text.clone()), scope)? {
                let list = Vec::<Text>::convert(&value).unwrap_or_default();
                names.extend(list.into_iter().filter(|name| !name.is_empty()).map(|name| name.to_string()));
            }
        }
        Ok(names)
    }

    /// The host that does the work instead of this one.
    fn delegate(&self, scope: &Scope, item: &Map) -> Result<Option<Delegated>, Trouble> {
        let Some(field) = self.step.keyword(|c| c.delegate_to.as_ref()) else { return Ok(None) };
        let Some(name) = self.run.field::<Text>("delegate_to", field, scope)? else { return Ok(None) };
        let name = name.as_str();
        if name.is_empty() {
            return Err(Trouble::message("Empty hostname produced from delegate_to").at(field.span));
        }
        let world = self.run.world();
        let host = world.known_host(name).unwrap_or_else(|| Arc::from(name));
        let mut view: View = self.run.view(Some(&host), Some(self.play), Some(self.step))?;
        view.called = Some(Arc::clone(&self.host));
        let mut delegate_scope = view.into_scope();
        for (name, value) in item.texts() {
            delegate_scope = delegate_scope.with(name.as_str(), value.clone());
        }
        let address = self.run.text_variable("ansible_host", &delegate_scope).ok().flatten();
        if address.is_none() && !delegate_scope.has("ansible_ssh_host") {
            // As ansible-core: the delegate's address is its name where nothing says another.
            delegate_scope = delegate_scope.with("ansible_host", Value::data(name));
        }
        let address = address.filter(|address| *address != name);
        let shown = Delegate { host: name.to_owned(), address };
        Ok(Some(Delegated { name: host, scope: delegate_scope, shown }))
    }

    /// How the host itself is reached by this task, unless a plugin in Python does it.
    pub(crate) fn own_spec(&self) -> Result<Option<rplay_connection::Spec>, Trouble> {
        let scope = self.scope()?;
        let settings = self.settings(&scope)?;
        if self.connection_plugin(&settings, &scope)?.is_some() {
            return Ok(None);
        }
        self.spec(&settings, &scope, None).map(Some)
    }

    /// Where the task was written.
    pub(crate) fn span(&self) -> Option<Span> {
        self.task.span
    }
}

/// The result of a task whose condition does not hold.
fn skipped(condition: &Condition) -> Ran {
    let mut result = Map::new();
    result.insert("changed", false);
    result.insert("skipped", true);
    result.insert("skip_reason", "Conditional result was False");
    result.insert("false_condition", condition.value.clone());
    Ran::of(result)
}
