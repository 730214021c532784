//! A play of one task that no file holds: what `ansible PATTERN -m MODULE -a ARGS` runs.

use std::path::PathBuf;
use std::sync::Arc;

use rplay_diag::{Diagnose as _, Diagnostic, Sources, Span};
use rplay_value::{Map, Text, Value, json};

use super::loader::{Context, Loader};
use super::tasks::Draft;
use crate::{Action, Common, Field, Play, PlaybookError, Task, args};

/// Modules whose `-a` is a command line, not a list of options: ansible-core's `MODULE_REQUIRE_ARGS`.
const COMMANDS: [&str; 6] = ["command", "raw", "script", "shell", "win_command", "win_shell"];

/// What an ad-hoc command asks for.
#[derive(Clone, Debug)]
pub struct AdHoc {
    /// The hosts.
    pub pattern: String,
    /// `-m`.
    pub module: String,
    /// `-a`, as given.
    pub args: String,
    /// Seconds after which the task fails; 0 is never.
    pub timeout: i64,
    /// `-B`: seconds the task may take in the background; 0 is in the foreground.
    pub background: i64,
    /// `-P`: seconds between looks at it; 0 is not to look.
    pub poll: i64,
    /// Keywords of the play.
    pub common: Common,
    /// `--playbook-dir`: where roles, files and variables are looked for.
    pub folder: PathBuf,
}

impl AdHoc {
    /// Whether the module cannot do anything without arguments.
    pub fn requires_args(&self) -> bool {
        is_command(&self.module)
    }
}

fn is_command(name: &str) -> bool {
    COMMANDS.contains(&super::action::short(name))
}

/// The arguments as they were understood: named ones, and the free form.
struct Given {
    named: Map,
    free_form: Option<Text>,
}

/// A text of the command line: trusted, and every error in it shows it whole.
fn option(sources: &Sources, option: &str, text: &str) -> Text {
    let span = sources.describe(format!("<CLI option '{option}'>"), text);
    Text::trusted(text).with_origin(Some(span))
}

/// Every text below a value is what the user wrote.
fn written(sources: &Sources, value: &Value) -> Value {
    match value {
        Value::Text(text) => Value::Text(option(sources, "-a", text)),
        Value::List(list) => Value::List(list.iter().map(|item| written(sources, item)).collect()),
        Value::Map(map) => Value::Map(map.iter().map(|(key, item)| (key.clone(), written(sources, item))).collect()),
        other => other.clone(),
    }
}

impl Given {
    fn read(sources: &Sources, asked: &AdHoc) -> Result<Self, PlaybookError> {
        let text = &asked.args;
        if text.starts_with('{') && text.ends_with('}') {
            return Self::json(sources, text);
        }
        let parsed = args::parse(&Text::trusted(text.as_str()), is_command(&asked.module)).map_err(|_| {
            let message = "failed at splitting arguments, either an unbalanced jinja2 block or quotes";
            PlaybookError::from(Diagnostic::error(format!("{message}: {text}")))
        })?;
        let named = parsed.options.iter().map(|(key, value)| (key.clone(), written(sources, value))).collect();
        Ok(Self { named, free_form: parsed.free_form.map(|free| option(sources, "-a", &free)) })
    }

    fn json(sources: &Sources, text: &str) -> Result<Self, PlaybookError> {
        let read = json::loads(text);
        let value = read.map_err(|error| {
            Diagnostic::error(format!("-a is not valid JSON: {error}"))
                .hint("a text that begins with `{` and ends with `}` is read as JSON: write -a '{\"name\": \"value\"}'")
        })?;
        let Value::Map(map) = written(sources, &value) else {
            return Err(Diagnostic::error("-a must be a JSON object").into());
        };
        let mut named = map;
        let free_form = match named.get("_raw_params").cloned() {
            Some(Value::Text(free)) => {
                named.remove("_raw_params");
                Some(free)
            }
            _ => None,
        };
        Ok(Self { named, free_form })
    }

    /// What ansible-core calls the task, a Python dictionary.
    fn describe(&self, asked: &AdHoc) -> String {
        let mut args = self.named.clone();
        if let Some(free) = &self.free_form {
            args.insert("_raw_params", free.clone());
        }
        let mut task = Map::from_iter([
            ("action", Value::from(asked.module.as_str())),
            ("args", Value::Map(args)),
            ("timeout", Value::from(asked.timeout)),
        ]);
        if asked.is_background() {
            task.insert("async_val", asked.background);
            task.insert("poll", asked.poll);
        }
        Value::Map(task).repr()
    }
}

impl AdHoc {
    /// Includes of tasks and roles take no `async`, unless someone insists; ansible-core leaves it out the same way.
    fn is_background(&self) -> bool {
        let includes = ["include_tasks", "import_tasks", "include_role", "import_role"];
        !includes.contains(&super::action::short(&self.module)) && (self.background != 0 || self.poll != 0)
    }
}

impl Loader<'_> {
    /// The play of an ad-hoc command. A module that nobody knows is not an error here: as with ansible-core it is
    /// the task's failure, on every host.
    pub fn adhoc(&self, asked: &AdHoc) -> Result<Play, PlaybookError> {
        self.resolve.entered(&asked.folder);
        self.settings.collections.add_playbook(&asked.folder);
        let given = Given::read(self.sources, asked)?;
        let span = self.sources.describe(format!("<adhoc '{}' task>", asked.module), given.describe(asked));
        let module = option(self.sources, "-m", &asked.module);
        let context = Context { playbook_dir: asked.folder.clone(), ..Context::default() };
        let at: Option<Span> = module.origin();
        let action = Action {
            resolved: self.find_action(&asked.module, &context)?.unwrap_or_else(|| asked.module.as_str().into()),
            args: given.named,
            free_form: given.free_form,
            args_span: at,
            span: at,
            ..Action::named(&asked.module)
        };
        let action =
            if module.is_template() { Action { resolved: module.shared(), name: module, ..action } } else { action };
        let mut task = Task { span: Some(span), ..Task::calling(action) };
        if asked.is_background() {
            task.async_ = Some(Field::new(asked.background));
            task.poll = Some(Field::new(asked.poll));
        }
        let empty = self.sources.add("<nothing>", "{}");
        let node = rplay_yaml::parse(self.sources, empty)
            .map_err(|error| PlaybookError::Document(Box::new(error.diagnostic())))?
            .node;
        let common = Common { timeout: Some(Field::new(asked.timeout)), ..Common::default() };
        let draft = Draft { task, common, node: &node, is_static: None };
        let (mut tasks, mut handlers) = (Vec::new(), Vec::new());
        self.place(draft, Map::new(), &context, &mut handlers, &mut tasks)?;
        Ok(Play {
            name: Some(Text::data("Ansible Ad-Hoc")),
            hosts: vec![Text::trusted(asked.pattern.as_str())],
            common: Arc::new(asked.common.clone()),
            gather_facts: Some(Field::new(false)),
            tasks,
            handlers,
            ..Play::empty(asked.folder.join("__adhoc_playbook__"), None)
        })
    }
}
