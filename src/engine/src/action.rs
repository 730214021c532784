//! What an action is: the controller's part of a task. Most tasks have none but `normal`, which calls the module.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, OnceLock};

use async_trait::async_trait;
use rplay_connection::{Lane, Link, Live, Pending};
use rplay_event::{EventKind, Notice};
use rplay_protocol::{Attachment, Call, OutputLine, Reply};
use rplay_template::{Ahead, Scope};
use rplay_value::{Map, Value};
use tokio::sync::Notify;

use crate::fields::truth_word;
use crate::python_files::PythonPlugin;
use crate::ran::Effect;
use crate::run::Run;
use crate::task::{Delegated, Settings, TaskCx};
use crate::trouble::Trouble;
use crate::worker::Worker;

/// What an action is like.
#[derive(Clone, Copy, Debug)]
pub struct Traits {
    /// Short name, such as `copy`.
    pub name: &'static str,
    /// Its collection.
    pub collection: &'static str,
    /// Takes a free form, as the argument `_raw_params`.
    pub free_form: bool,
    /// Runs once for all hosts of the batch.
    pub once: bool,
    /// Arguments that it renders itself.
    pub unrendered: &'static [&'static str],
    /// A `!vault` value given to it stays one, and is decrypted where it is used.
    pub keeps_vault: bool,
    /// The only arguments it takes; empty means any.
    pub arguments: &'static [&'static str],
    /// Sets facts on purpose, through a result key: a value of a variable, not of a host.
    pub check_mode: bool,
    /// It goes by its short name too, though it is a collection's: roles bring a plugin of that name along.
    pub anywhere: bool,
}

impl Traits {
    /// An action of `ansible.builtin` that takes any argument and honours check mode.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            collection: "ansible.builtin",
            free_form: false,
            once: false,
            unrendered: &[],
            keeps_vault: false,
            arguments: &[],
            check_mode: true,
            anywhere: false,
        }
    }

    /// The only arguments it takes.
    pub const fn arguments(mut self, arguments: &'static [&'static str]) -> Self {
        self.arguments = arguments;
        self
    }

    /// Takes a free form.
    pub const fn free_form(mut self) -> Self {
        self.free_form = true;
        self
    }

    /// An action of a collection.
    pub const fn of(mut self, collection: &'static str) -> Self {
        self.collection = collection;
        self
    }

    /// Goes by its short name too.
    pub const fn anywhere(mut self) -> Self {
        self.anywhere = true;
        self
    }

    /// Runs once for all hosts.
    pub const fn once(mut self) -> Self {
        self.once = true;
        self
    }

    /// Its `!vault` arguments stay encrypted.
    pub const fn keeps_vault(mut self) -> Self {
        self.keeps_vault = true;
        self
    }

    /// Arguments it renders itself.
    pub const fn unrendered(mut self, names: &'static [&'static str]) -> Self {
        self.unrendered = names;
        self
    }
}

/// The controller's part of a task. One file each under `actions/`, with a `pub static ACTION`.
#[async_trait(?Send)]
pub trait Action: Send + Sync {
    /// What it is like.
    fn traits(&self) -> Traits;

    /// The work, on one host and one item. A failure is a [`Done`] with `failed`, or a [`Trouble`].
    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble>;
}

/// What an action did: the result, and what it means for the run.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// Ansible's result keys.
    pub(crate) result: Map,
    /// Shown in full without `-v`.
    pub(crate) verbose_always: bool,
    /// Never shown in full with `-v`.
    pub(crate) verbose_override: bool,
    /// Its content is secret.
    pub(crate) secret: bool,
    /// The action gave up before it did anything: the result says nothing of a failure.
    pub(crate) skipped: bool,
    /// The failure is the module's, not the action's.
    pub(crate) of_module: bool,
    pub(crate) effects: Vec<Effect>,
}

impl Done {
    /// A result with these keys.
    pub(crate) fn new(result: Map) -> Self {
        Self { result, ..Self::default() }
    }

    /// A result that says whether something changed.
    pub(crate) fn changed(changed: bool) -> Self {
        Self::new(Map::from_iter([("changed", changed)]))
    }

    /// There is nothing to do, and why: what Ansible's actions raise as `AnsibleActionSkip`.
    pub(crate) fn skip(msg: impl Into<Value>) -> Self {
        let result =
            Map::from_iter([("changed", Value::Bool(false)), ("msg", msg.into()), ("skipped", Value::Bool(true))]);
        Self { skipped: true, ..Self::new(result) }
    }

    /// A failure with its message.
    pub(crate) fn failed(msg: impl Into<Value>) -> Self {
        Self::new(Map::from_iter([("failed", Value::Bool(true)), ("msg", msg.into()), ("changed", Value::Bool(false))]))
    }

    /// Adds a key.
    #[must_use]
    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.result.insert(key, value);
        self
    }

    /// Adds an effect.
    #[must_use]
    pub(crate) fn effect(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }
}

/// The calls of one loop: an item's is sent while the ones before it are at work, and runs after them.
#[derive(Default)]
pub(crate) struct Pipeline {
    lane: RefCell<Option<(Arc<Link>, Lane)>>,
    passed: Notify,
}

impl Pipeline {
    /// Waits until an item has sent its last call.
    pub(crate) async fn passed(&self) {
        self.passed.notified().await;
    }
}

/// One item's part in a [`Pipeline`].
pub(crate) struct Turn<'a> {
    pipeline: &'a Pipeline,
    /// Items before this one are at work still.
    early: bool,
    /// Something was asked that cannot be told before they are done: the item has to begin again.
    again: Cell<bool>,
    /// The last call was sent: the next item may begin.
    passed: Cell<bool>,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(pipeline: &'a Pipeline, early: bool) -> Self {
        Self { pipeline, early, again: Cell::new(false), passed: Cell::new(false) }
    }

    /// While it lives, what is rendered must not depend on items that are at work. Not to be held over an `await`.
    pub(crate) fn watch(&self) -> Option<Ahead<'_>> {
        self.early.then(|| Ahead::new(&self.again))
    }

    pub(crate) fn must_begin_again(&self) -> bool {
        self.again.get()
    }

    pub(crate) fn has_passed(&self) -> bool {
        self.passed.get()
    }

    /// The item looks at something of this machine that an item before it may change.
    pub(crate) fn looks_here(&self) -> Result<(), Trouble> {
        if self.early { Err(self.early()) } else { Ok(()) }
    }

    /// An error that nobody sees: the item begins again.
    fn early(&self) -> Trouble {
        self.again.set(true);
        Trouble::message("the item has to wait for the ones before it")
    }

    /// Sends a call after those sent before it; `last`: the next item may begin.
    fn start(&self, link: &Arc<Link>, call: Call, live: Option<Live>, last: bool) -> Result<Pending, Trouble> {
        if self.again.get() {
            return Err(self.early());
        }
        let mut lane = self.pipeline.lane.borrow_mut();
        // On another connection, or as another user, it would not come after them.
        if self.early && lane.as_ref().is_none_or(|(known, _)| !Arc::ptr_eq(known, link)) {
            return Err(self.early());
        }
        if lane.as_ref().is_none_or(|(known, _)| !Arc::ptr_eq(known, link)) {
            *lane = Some((Arc::clone(link), link.lane()));
        }
        let Some((_, lane)) = &*lane else { return Err(self.early()) };
        let pending = lane.start(call, live);
        if last {
            self.passed.set(true);
            self.pipeline.passed.notify_one();
        }
        Ok(pending)
    }
}

/// What a running action may use.
pub struct ActionCx<'a> {
    pub(crate) task: &'a TaskCx<'a>,
    pub(crate) scope: &'a Scope,
    /// Variables that decide about the connection: the delegate's, or the host's own.
    pub(crate) connection_scope: &'a Scope,
    pub(crate) settings: &'a Settings,
    pub(crate) delegated: Option<&'a Delegated>,
    /// The name the task called, resolved.
    pub(crate) name: Arc<str>,
    /// Arguments after templating.
    pub(crate) args: Map,
    pub(crate) warnings: Vec<Notice>,
    pub(crate) deprecations: Vec<Notice>,
    /// The item's part in the loop's pipeline, when its items need not wait for one another.
    pub(crate) turn: Option<&'a Turn<'a>>,
    /// Modules must not run in this process, even on this machine.
    pub(crate) apart: bool,
    /// What the item of a loop is called.
    pub(crate) label: Option<Value>,
    /// The process of the plugin in Python that is at work.
    pub(crate) worker: Option<Worker>,
    /// The connection when it is a plugin in Python; looked for once.
    plugin: OnceLock<Option<Arc<PythonPlugin>>>,
    link: Option<Arc<Link>>,
}

impl<'a> ActionCx<'a> {
    pub(crate) fn new(
        task: &'a TaskCx<'a>,
        scope: &'a Scope,
        connection_scope: &'a Scope,
        settings: &'a Settings,
        delegated: Option<&'a Delegated>,
        name: Arc<str>,
        args: Map,
    ) -> Self {
        Self {
            task,
            scope,
            connection_scope,
            settings,
            delegated,
            name,
            args,
            warnings: Vec::new(),
            deprecations: Vec::new(),
            turn: None,
            apart: false,
            label: None,
            worker: None,
            plugin: OnceLock::new(),
            link: None,
        }
    }

    pub(crate) fn run(&self) -> &'a Run {
        self.task.run
    }

    /// Tells the user something that did not stop the action.
    pub(crate) fn warn(&mut self, message: impl Into<String>) {
        self.warnings.push(Notice::new(message));
    }

    /// A text argument.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.args.get(name).filter(|value| !value.is_null()).map(|value| value.to_str().into_owned())
    }

    /// A text argument that must be given.
    pub(crate) fn need(&self, name: &str) -> Result<String, Trouble> {
        self.text(name).ok_or_else(|| Trouble::action(format!("missing required arguments: {name}")))
    }

    /// A boolean argument.
    pub(crate) fn flag(&self, name: &str, default: bool) -> Result<bool, Trouble> {
        match self.args.get(name) {
            None | Some(Value::Null) => Ok(default),
            Some(Value::Bool(b)) => Ok(*b),
            Some(other) => truth_word(&other.to_str()).ok_or_else(|| {
                Trouble::action(format!(
                    "argument '{name}' is of type {} and we were unable to convert to bool: The value '{}' is not a valid boolean.",
                    other.type_name(),
                    other.to_str()
                ))
            }),
        }
    }

    /// An integer argument.
    pub(crate) fn int(&self, name: &str) -> Result<Option<i64>, Trouble> {
        match self.args.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Int(i)) => Ok(Some(*i)),
            Some(Value::Float(f)) => Ok(Some(*f as i64)),
            Some(other) => other.to_str().trim().parse().map(Some).map_err(|_| {
                Trouble::action(format!(
                    "argument '{name}' is of type {} and we were unable to convert to int: {} cannot be converted to an int",
                    other.type_name(),
                    other.type_name()
                ))
            }),
        }
    }

    /// The connection to the host that does the work.
    pub(crate) async fn link(&mut self) -> Result<Arc<Link>, Trouble> {
        if let Some(link) = self.link.as_ref().filter(|link| link.is_alive()) {
            return Ok(Arc::clone(link));
        }
        let link = self.task.link(self.settings, self.connection_scope, self.delegated, self.apart).await?;
        self.link = Some(Arc::clone(&link));
        Ok(link)
    }

    /// The connection to the host that does the work, when it is a plugin in Python.
    pub(crate) fn connection_plugin(&self) -> Result<Option<Arc<PythonPlugin>>, Trouble> {
        if let Some(known) = self.plugin.get() {
            return Ok(known.clone());
        }
        let found = self.task.connection_plugin(self.settings, self.connection_scope)?;
        Ok(self.plugin.get_or_init(|| found).clone())
    }

    /// The process that an item before this one used, or the one in use.
    pub(crate) fn take_worker(&mut self) -> Option<Worker> {
        self.worker.take().or_else(|| self.run().kept_worker(self.task.id, &self.task.host))
    }

    /// Keeps the process for the next item.
    pub(crate) fn keep_worker(&mut self) {
        if let Some(worker) = self.worker.take() {
            self.run().keep_worker(self.task.id, &self.task.host, worker);
        }
    }

    /// The next use connects anew.
    pub(crate) fn forget_link(&mut self) {
        self.link = None;
    }

    /// A call with the task's modes and environment.
    pub(crate) fn call(&self, module: &str, args: Map) -> Call {
        Call {
            module: module.to_owned(),
            args,
            check: self.settings.check,
            diff: self.settings.diff,
            no_log: self.settings.no_log,
            verbosity: self.run().options().verbosity,
            environment: self.settings.environment.clone(),
            attachments: Vec::new(),
            // The task is stopped by dropping the call, whatever it is waiting for.
            timeout: None,
            job: None,
            open_files: self.settings.open_files,
            discover: Vec::new(),
            foreign: None,
        }
    }

    /// Runs a module on the host.
    pub(crate) async fn module(&mut self, module: &str, args: Map) -> Result<Reply, Trouble> {
        let call = self.call(module, args);
        self.send(call).await
    }

    /// Runs a module on the host with a file.
    pub(crate) async fn module_with(
        &mut self,
        module: &str,
        args: Map,
        name: &str,
        content: Vec<u8>,
    ) -> Result<Reply, Trouble> {
        let call = self.call_with(module, args, name, content);
        self.send(call).await
    }

    /// As [`ActionCx::module_with`], for the last call of the action.
    pub(crate) async fn last_with(
        &mut self,
        module: &str,
        args: Map,
        name: &str,
        content: Vec<u8>,
    ) -> Result<Reply, Trouble> {
        let call = self.call_with(module, args, name, content);
        self.send_last(call).await
    }

    fn call_with(&self, module: &str, args: Map, name: &str, content: Vec<u8>) -> Call {
        let mut call = self.call(module, args);
        call.attachments.push(Attachment { name: name.to_owned(), length: content.len() as u64, content });
        call
    }

    /// Sends a call and waits for its reply.
    pub(crate) async fn send(&mut self, call: Call) -> Result<Reply, Trouble> {
        self.send_as(call, false).await
    }

    /// As [`ActionCx::send`], for the last call of the action, whose result no other item of a loop depends on.
    pub(crate) async fn send_last(&mut self, call: Call) -> Result<Reply, Trouble> {
        self.send_as(call, true).await
    }

    async fn send_as(&mut self, call: Call, last: bool) -> Result<Reply, Trouble> {
        if let Some(plugin) = self.connection_plugin()? {
            let reply = Box::pin(crate::python_connection::send(self, &plugin, call)).await?;
            self.keep_worker();
            return Ok(reply);
        }
        let link = self.link().await?;
        match self.turn {
            Some(turn) => Ok(turn.start(&link, call, self.live(), last)?.await?),
            None => Ok(link.start_live(call, self.live()).await?),
        }
    }

    /// Where the output of the task's programs goes while it comes: nowhere under `no_log`.
    pub(crate) fn live(&self) -> Option<Live> {
        if self.settings.no_log {
            return None;
        }
        let (emitter, task, host) = (self.run().emitter(), self.task.id, Arc::clone(&self.task.host));
        let label = self.label.clone();
        let item = OnceLock::new();
        Some(Arc::new(move |lines| {
            let item = item.get_or_init(|| label.as_ref().map(|label| Arc::from(short(&label.to_str()))));
            for line in lines {
                let OutputLine { stderr, text, partial, cut, lost } = line;
                let (host, item) = (Arc::clone(&host), item.clone());
                emitter.emit(EventKind::OutputLine { task, host, item, stderr, text, partial, cut, lost });
            }
        }))
    }

    /// A module's reply as the action's result.
    pub(crate) fn reply(&mut self, mut reply: Reply) -> Done {
        crate::foreign::take_discovered(self, &mut reply);
        self.warnings.extend(reply.warnings.iter().map(Notice::new));
        self.deprecations.extend(reply.deprecations.iter().map(|gone| Notice {
            help: gone.help.clone(),
            version: gone.version.clone(),
            date: gone.date.clone(),
            by: gone.by.clone(),
            kind: gone.kind.clone(),
            ..Notice::new(&gone.message)
        }));
        let reply = Reply { warnings: Vec::new(), deprecations: Vec::new(), ..reply };
        Done { of_module: true, ..Done::new(reply.into_result()) }
    }

    /// The action is about to read a file of the controller. An item of a loop that works on this very machine may have
    /// to wait for the ones before it, which may write that file.
    pub(crate) fn reads_here(&self) -> Result<(), Trouble> {
        let Some(turn) = self.turn else { return Ok(()) };
        let spec = self.task.spec(self.settings, self.connection_scope, self.delegated)?;
        if spec.kind == rplay_connection::Kind::Local { turn.looks_here() } else { Ok(()) }
    }

    /// The content of a file of the controller; a vault is opened when `decrypt`.
    pub(crate) fn read_file(&self, path: &std::path::Path, decrypt: bool) -> Result<Vec<u8>, Trouble> {
        let read = if decrypt { self.run().engine().files().read(path) } else { fs_err::read(path) };
        read.map_err(|error| Trouble::action(format!("Could not read {}: {error}", path.display())))
    }

    /// Finds a file of the controller as Ansible's actions do: `files/`, `templates/` of the role and beside the playbook.
    pub(crate) fn find_file(&self, folder: &str, name: &str) -> Result<PathBuf, Trouble> {
        self.scope.find_file(folder, name).ok_or_else(|| {
            let help =
                "If you are using a module and expect the file to exist on the remote, see the remote_src option";
            let mut message = format!("Could not find or access '{name}'");
            if !name.starts_with(['/', '~']) {
                let surroundings = self.scope.surroundings();
                let mut bases: Vec<&PathBuf> = surroundings.search_path.iter().collect();
                // Beside the playbook is always tried last, and so twice for a task of the playbook itself.
                if bases.len() < 2 {
                    bases.push(&surroundings.basedir);
                }
                for (index, path) in
                    bases.iter().flat_map(|base| [base.join(folder).join(name), base.join(name)]).enumerate()
                {
                    let lead = if index == 0 { "\nSearched in:\n\t" } else { "\n\t" };
                    message.push_str(lead);
                    message.push_str(&path.to_string_lossy());
                }
            }
            message.push_str(" on the Ansible Controller.\n");
            message.push_str(help);
            Trouble { msg: Some(message.clone()), ..Trouble::message(message) }
        })
    }
}

/// The start of a label: it stands before every line of output.
fn short(label: &str) -> String {
    const LONGEST: usize = 60;
    let line = label.lines().next().unwrap_or_default();
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}...", &line[..at]),
        None if line.len() < label.len() => format!("{line}..."),
        None => line.to_owned(),
    }
}

type Row = (&'static str, &'static dyn Action, &'static str);

/// Every action: file name, action, documentation.
pub fn actions() -> &'static [Row] {
    crate::actions::TABLE
}

/// The action of this name: short, `ansible.builtin.x` or `ansible.legacy.x`.
pub fn find_action(name: &str) -> Option<&'static dyn Action> {
    static BY_NAME: LazyLock<HashMap<String, &'static dyn Action>> = LazyLock::new(|| {
        let mut names = HashMap::new();
        for (_, action, _) in actions() {
            let traits = action.traits();
            if !matches!(traits.collection, "ansible.builtin" | "ansible.legacy") {
                names.insert(format!("{}.{}", traits.collection, traits.name), *action);
                if !traits.anywhere {
                    continue;
                }
            }
            if traits.collection != "ansible.builtin" {
                names.insert(format!("ansible.legacy.{}", traits.name), *action);
                names.insert(traits.name.to_owned(), *action);
                continue;
            }
            for collection in ["ansible.builtin", "ansible.legacy"] {
                names.insert(format!("{collection}.{}", traits.name), *action);
            }
            names.insert(traits.name.to_owned(), *action);
        }
        names
    });
    BY_NAME.get(name).copied()
}
