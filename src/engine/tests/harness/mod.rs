//! A folder with a playbook, run on this machine; the events of the run as short text.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rplay_collection::Collections;
use rplay_connection::{Pool, PoolOptions};
use rplay_diag::Sources;
use rplay_engine::{NoPrompter, Resolver, Run, RunOptions, RunOutcome};
use rplay_event::{Dispatcher, Event, EventKind, Outcome, Sink, TaskId, TaskInfo, TaskResult};
use rplay_inventory::PlainFiles;
use rplay_library::{Library, LibraryOptions};
use rplay_python::{Python, PythonOptions};
use rplay_template::{Engine, EngineOptions};
use rplay_value::Value;

/// A folder to run playbooks in.
pub(crate) struct Bed {
    folder: tempfile::TempDir,
    pub inventory: String,
    /// Inventory sources in the folder, in the place of a file with the text above.
    pub sources: Vec<String>,
    pub change: Box<dyn Fn(&mut RunOptions)>,
}

/// What happened.
pub(crate) struct Ended {
    pub outcome: Result<RunOutcome, String>,
    pub events: Vec<Event>,
    folder: PathBuf,
}

struct Collect(Arc<Mutex<Vec<Event>>>);

impl Sink for Collect {
    fn on_event(&mut self, event: &Event) -> std::io::Result<()> {
        self.0.lock().unwrap().push(event.clone());
        Ok(())
    }
}

impl Bed {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            folder,
            inventory: "localhost ansible_connection=local\n".to_owned(),
            sources: Vec::new(),
            change: Box::new(|_| {}),
        }
    }

    pub(crate) fn options(mut self, change: impl Fn(&mut RunOptions) + 'static) -> Self {
        self.change = Box::new(change);
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    pub(crate) fn play(&self, text: &str) -> Ended {
        self.write("site.yml", text);
        self.run("site.yml")
    }

    pub(crate) fn run(&self, name: &str) -> Ended {
        self.write("hosts", &self.inventory);
        let sources = Sources::new();
        let mut options = RunOptions::new(sources.clone(), Arc::new(NoPrompter));
        options.playbook_python = Some(PathBuf::from("/usr/bin/python3"));
        options.inventory_sources = vec![self.path().join("hosts").to_string_lossy().into_owned()];
        (self.change)(&mut options);
        let settings: Option<Arc<dyn rplay_template::Settings>> = Some(Arc::new(Defaults));
        let engine = Engine::new(EngineOptions { sources: sources.clone(), settings, ..EngineOptions::default() });
        let collections = Collections::new([], sources.clone());
        // No ansible-core: modules find rplay's own stand-ins.
        let of_library = LibraryOptions { collections: collections.clone(), ..LibraryOptions::default() };
        let resolver = Resolver::new(engine, options.extra_vars.clone(), false)
            .with_python(Python::new(PythonOptions { collections: collections.clone(), ..PythonOptions::default() }))
            .with_collections(collections.clone())
            .with_library(Arc::new(Library::new(of_library)));
        let resolver = Arc::new(resolver);
        let settings = rplay_playbook::Settings { collections, ..rplay_playbook::Settings::default() };
        let hosts = self.path().join("hosts");
        let loader = rplay_inventory::Loader::new(&sources, &PlainFiles);
        let given: Vec<String> = if self.sources.is_empty() {
            vec![hosts.to_str().unwrap().to_owned()]
        } else {
            self.sources.iter().map(|source| self.path().join(source).to_str().unwrap().to_owned()).collect()
        };
        let (inventory, attempts) = loader.load(&given);
        assert!(attempts.is_empty(), "{attempts:?}");
        let events = Arc::new(Mutex::new(Vec::new()));
        let (emitter, dispatcher) = Dispatcher::start(vec![Box::new(Collect(Arc::clone(&events)))]);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let outcome = runtime.block_on(async {
            let pool = Pool::new(PoolOptions::default());
            let mut run = Run::new(options, inventory, Arc::new(PlainFiles), resolver, settings, pool, emitter);
            let outcome = run.playbook(&self.path().join(name)).await.map_err(|error| error.to_string());
            run.end(outcome.as_ref().copied().unwrap_or(RunOutcome::Failed)).await;
            outcome
        });
        assert!(dispatcher.finish().is_empty());
        let events = std::mem::take(&mut *events.lock().unwrap());
        Ended { outcome, events, folder: self.path().to_owned() }
    }
}

/// The settings that plugins ask for, as they are without a config file.
struct Defaults;

impl rplay_template::Settings for Defaults {
    fn get(&self, name: &str) -> Option<(Value, String)> {
        let value = match name {
            "DEFAULT_KEEP_REMOTE_FILES" => Value::Bool(false),
            "DEFAULT_LOCAL_TMP" => Value::from(std::env::temp_dir().to_string_lossy().into_owned()),
            _ => return None,
        };
        Some((value, "default".to_owned()))
    }
}

/// Copies a folder with what is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

impl Ended {
    /// The events in short: banners, results, recap.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        let mut task: Option<Arc<TaskInfo>> = None;
        let mut tasks: HashMap<TaskId, Arc<TaskInfo>> = HashMap::new();
        // Hosts that are not in step: their results name their task instead of standing below it.
        let mut free = false;
        for event in &self.events {
            let at = match &event.kind {
                EventKind::ItemFinished { task, .. } | EventKind::HostFinished { task, .. } => tasks.get(task).cloned(),
                _ => None,
            };
            let named = at.as_ref().filter(|_| free).map(|info| format!(" [{}]", info.name)).unwrap_or_default();
            if free {
                task = at.or(task);
            }
            let line = match &event.kind {
                EventKind::PlayStarted(play) => {
                    free = matches!(play.strategy.as_str(), "free" | "host_pinned");
                    format!("PLAY [{}]", play.name)
                }
                EventKind::TaskStarted(info) => {
                    task = Some(Arc::clone(info));
                    tasks.insert(info.id, Arc::clone(info));
                    if free {
                        continue;
                    }
                    format!("{} [{}]", if info.handler { "HANDLER" } else { "TASK" }, info.name)
                }
                EventKind::ItemFinished { host, outcome, result, .. } => {
                    let label = result.label.as_ref().map(|label| label.to_str().into_owned()).unwrap_or_default();
                    format!(
                        "  {} {host}{named} item={label}{}",
                        word(*outcome).trim_end_matches("(ignored)"),
                        shown(task.as_deref(), result)
                    )
                }
                EventKind::HostFinished { host, outcome, result, .. } => {
                    if task.as_ref().is_some_and(|task| task.include)
                        && !outcome.is_bad()
                        && *outcome != Outcome::Skipped
                    {
                        continue;
                    }
                    {
                        let shown = if matches!(outcome, Outcome::Unreachable { .. }) {
                            String::new()
                        } else {
                            shown(task.as_deref(), result)
                        };
                        format!("  {} {host}{named}{shown}", word(*outcome))
                    }
                }
                EventKind::Included { file, hosts, label, .. } => {
                    let label = label.as_ref().map(|label| format!(" item={}", label.to_str())).unwrap_or_default();
                    if free {
                        let lines = hosts.iter().map(|host| format!("  included-for {host} {file}{label}"));
                        lines.collect::<Vec<_>>().join("\n")
                    } else {
                        format!("  included {file} for {}{label}", hosts.join(", "))
                    }
                }
                EventKind::NoHostsMatched => "NO HOSTS".to_owned(),
                EventKind::NoHostsRemaining => "NO MORE HOSTS".to_owned(),
                EventKind::Retried { host, retries_left, .. } => format!("  retry {host} {retries_left} left"),
                EventKind::Recap(recap) => {
                    for (host, counts) in &recap.hosts {
                        out.push_str(&format!(
                            "{host}: ok={} changed={} unreachable={} failed={} skipped={} rescued={} ignored={}\n",
                            counts.ok,
                            counts.changed,
                            counts.unreachable,
                            counts.failed,
                            counts.skipped,
                            counts.rescued,
                            counts.ignored
                        ));
                    }
                    continue;
                }
                _ => continue,
            };
            out.push_str(line.trim_end());
            out.push('\n');
        }
        match &self.outcome {
            Ok(outcome) => out.push_str(&format!("exit {}", outcome.code())),
            Err(error) => out.push_str(&format!("error: {error}")),
        }
        let folder = self.folder.to_string_lossy().into_owned();
        out.replace(&folder, "DIR")
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Changed => "changed",
        Outcome::Skipped => "skipping",
        Outcome::Failed { ignored: true, .. } => "failed(ignored)",
        Outcome::Failed { .. } => "failed",
        Outcome::Unreachable { .. } => "unreachable",
    }
}

/// What is worth a look in a snapshot: messages, and what debug shows.
fn shown(task: Option<&TaskInfo>, result: &TaskResult) -> String {
    if let Some(msg) = result.data.get("msg").filter(|_| !result.is_loop()) {
        return format!(" => {}", msg.to_str());
    }
    if task.is_some_and(|task| task.action.ends_with("debug")) && !result.is_loop() {
        let entry = result.data.texts().find(|(key, _)| {
            !matches!(
                key.as_str(),
                "changed" | "skip_reason" | "false_condition" | "skipped_reason" | "item" | "ansible_loop_var"
            )
        });
        return entry.map(|(key, value)| format!(" => {key}: {}", Value::repr(value))).unwrap_or_default();
    }
    String::new()
}
