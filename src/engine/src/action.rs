//! What an action is: the controller's part of a task. Most tasks have none but `normal`, which calls the module.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, OnceLock};

use async_trait::async_trait;
use rplay_connection::{Lane, Link, Live, Pending};
use rplay_event::{EventKind, Notice};
use rplay_protocol::{Attachment, Call, OutputLine, Reply};
use rplay_template::Scope;
use rplay_value::{Map, Value};

use crate::fields::truth_word;
use crate::ran::Effect;
use crate::run::Run;
use crate::task::{Delegated, Settings, TaskCx};
use crate::trouble::Trouble;

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
    /// The only arguments it takes; empty means any.
    pub arguments: &'static [&'static str],
    /// Sets facts on purpose, through a result key: a value of a variable, not of a host.
    pub check_mode: bool,
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
            arguments: &[],
            check_mode: true,
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

    /// Runs once for all hosts.
    pub const fn once(mut self) -> Self {
        self.once = true;
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

/// Queues of calls by connection: items of one loop are sent without waiting for one another and still run in order.
#[derive(Default)]
pub(crate) struct Lanes(RefCell<Vec<(Arc<Link>, Lane)>>);

impl Lanes {
    /// Sends a call after those sent before it.
    fn start(&self, link: &Arc<Link>, call: Call, live: Option<Live>) -> Pending {
        let mut lanes = self.0.borrow_mut();
        if let Some((_, lane)) = lanes.iter().find(|(known, _)| Arc::ptr_eq(known, link)) {
            return lane.start(call, live);
        }
        let lane = link.lane();
        let pending = lane.start(call, live);
        lanes.push((Arc::clone(link), lane));
        pending
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
    /// The loop's queues, when its items need not wait for one another.
    pub(crate) lanes: Option<&'a Lanes>,
    /// Modules must not run in this process, even on this machine.
    pub(crate) apart: bool,
    /// What the item of a loop is called.
    pub(crate) label: Option<Value>,
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
            lanes: None,
            apart: false,
            label: None,
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
        let mut call = self.call(module, args);
        call.attachments.push(Attachment { name: name.to_owned(), length: content.len() as u64, content });
        self.send(call).await
    }

    /// Sends a call and waits for its reply.
    pub(crate) async fn send(&mut self, call: Call) -> Result<Reply, Trouble> {
        let link = self.link().await?;
        match self.lanes {
            Some(lanes) => Ok(lanes.start(&link, call, self.live()).await?),
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
        self.deprecations.extend(
            reply
                .deprecations
                .iter()
                .map(|(message, version)| Notice { version: version.clone(), ..Notice::new(message) }),
        );
        let reply = Reply { warnings: Vec::new(), deprecations: Vec::new(), ..reply };
        Done { of_module: true, ..Done::new(reply.into_result()) }
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
            for collection in [traits.collection, "ansible.builtin", "ansible.legacy"] {
                names.insert(format!("{collection}.{}", traits.name), *action);
            }
            names.insert(traits.name.to_owned(), *action);
        }
        names
    });
    BY_NAME.get(name).copied()
}
