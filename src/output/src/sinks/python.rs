//! Callbacks in Python: every event is a call of the methods they have, in a process of their own.
//!
//! The process is asked first which methods any of its callbacks has, and gets no other event. Each event is answered
//! before the next one: what callbacks show stands where Ansible would show it. What a callback shows through one of
//! rplay's own outputs that it is derived from, that output shows.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rplay_event::{Event, EventKind, Notice, Outcome, Sink, TaskId, TaskInfo, TaskResult};
use rplay_python::{PluginFile, Python, frame};
use rplay_template::Engine;
use rplay_value::{Map, Value};
use serde_json::{Value as Json, json};

use crate::report::report_text;
use crate::screen::Screen;
use crate::terminal::{Color, Look, ResultFormat, Terminal};
use crate::{diff, dump};

/// A callback to load.
#[derive(Clone, Debug)]
pub struct Callback {
    /// Its file.
    pub file: PluginFile,
    /// `callbacks_enabled` names it.
    pub enabled: bool,
}

/// What callbacks are told of the run.
#[derive(Clone, Default)]
pub struct CallbackRun {
    /// The callback that shows the run in place of rplay's own output.
    pub stdout: Option<PluginFile>,
    /// Further ones; those that have to be enabled and are not do not load.
    pub others: Vec<Callback>,
    /// The kind of connection where nothing else is said.
    pub transport: String,
    /// `--diff`.
    pub diff: bool,
    /// `--check`.
    pub check: bool,
    /// `-e`.
    pub extra_vars: Map,
}

/// The sink.
pub struct PythonCallbacks {
    python: Python,
    engine: Engine,
    stream: UnixStream,
    methods: HashSet<String>,
    /// Shows what Ansible's own parts show besides callbacks, when a callback shows the rest.
    native: Option<super::Default>,
    screen: Screen,
    look: Look,
    tasks: HashMap<TaskId, Arc<TaskInfo>>,
    /// What callbacks are hearing of.
    current: Option<Event>,
}

impl PythonCallbacks {
    /// Starts the process and loads the callbacks. None when not one of them is to be called.
    pub fn start(python: &Python, engine: &Engine, run: &CallbackRun, look: &Look) -> io::Result<Option<Self>> {
        let files: Vec<&PluginFile> = run.stdout.iter().chain(run.others.iter().map(|other| &other.file)).collect();
        let preload: Vec<Json> = files.iter().map(|file| file.json()).collect();
        let (stream, desk) = python.worker(&preload, Some(engine)).map_err(io::Error::other)?;
        drop(desk);
        let terminal = || Terminal::direct(look);
        let mut sink = Self {
            python: python.clone(),
            engine: engine.clone(),
            stream,
            methods: HashSet::new(),
            native: run.stdout.as_ref().map(|_| super::Default::new(terminal(), look.clone())),
            screen: Screen::new(terminal(), look.clone()),
            look: look.clone(),
            tasks: HashMap::new(),
            current: None,
        };
        let plugin = |file: &PluginFile, enabled: bool| {
            let mut json = file.json();
            json["enabled"] = enabled.into();
            json
        };
        let answer = sink.ask(&json!({
            "op": "callbacks",
            "stdout": run.stdout.as_ref().map(|file| plugin(file, true)),
            "plugins": run.others.iter().map(|other| plugin(&other.file, other.enabled)).collect::<Vec<_>>(),
            "verbosity": look.verbosity,
            "columns": look.columns,
            "transport": run.transport,
            "diff": run.diff,
            "extra_vars": plain(&Value::Map(run.extra_vars.clone())),
            "context": {"check_mode": run.check, "diff": run.diff, "verbosity": look.verbosity, "connection": run.transport},
        }))?;
        if answer["op"] == "raised" {
            return Err(io::Error::other(answer["message"].as_str().unwrap_or("it cannot be loaded").to_owned()));
        }
        let methods = answer["methods"].as_array().map(Vec::as_slice).unwrap_or_default();
        sink.methods = methods.iter().filter_map(|name| Some(name.as_str()?.to_owned())).collect();
        let none = answer["callbacks"].as_array().is_none_or(Vec::is_empty);
        Ok((!none).then_some(sink))
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.stream.write_all(&frame(message).map_err(io::Error::other)?)
    }

    fn receive(&mut self) -> io::Result<Json> {
        let mut size = [0; 4];
        self.stream.read_exact(&mut size)?;
        let mut data = vec![0; u32::from_be_bytes(size) as usize];
        self.stream.read_exact(&mut data)?;
        serde_json::from_slice(&data).map_err(io::Error::other)
    }

    /// Sends a request and answers what is asked until its answer is there.
    fn ask(&mut self, request: &Json) -> io::Result<Json> {
        self.send(request.to_string().as_bytes())?;
        loop {
            let message = self.receive()?;
            match message["op"].as_str().unwrap_or_default() {
                "done" | "raised" => return Ok(message),
                "notice" => self.notice(&message)?,
                "show" => {
                    self.show(&message)?;
                    self.answer(&Json::Null)?;
                }
                "exception" => {
                    self.exception(message["stderr"].as_bool().unwrap_or(false))?;
                    self.answer(&Json::Null)?;
                }
                "dump" => {
                    let look = Look { results: ResultFormat::Yaml, ..self.look.clone() };
                    let text = dump::result(&map(&message["value"]), true, &look);
                    self.answer(&Json::from(text))?;
                }
                "diff" => {
                    let diffs = message["value"].as_array().map(Vec::as_slice).unwrap_or_default();
                    let diffs: Vec<Map> = diffs.iter().map(map).collect();
                    let text = diff::text(&diffs, &self.look);
                    self.answer(&Json::from(text))?;
                }
                _ => {
                    let answer = self.python.desk(Some(&self.engine)).answer(&message);
                    self.send(&answer)?;
                }
            }
        }
    }

    fn answer(&mut self, value: &Json) -> io::Result<()> {
        self.send(json!({"op": "answer", "value": value}).to_string().as_bytes())
    }

    /// What a callback shows, or says to the user.
    fn notice(&mut self, message: &Json) -> io::Result<()> {
        let text = message["text"].as_str().unwrap_or_default();
        match message["level"].as_str().unwrap_or_default() {
            "warning" | "error" => self.screen.warned(&Notice::new(text)),
            "deprecated" => self.screen.deprecated(&Notice::new(text)),
            "info" => {
                let color = message["color"].as_str().and_then(color);
                let terminal = &mut self.screen.terminal;
                if message["stderr"].as_bool() == Some(true) {
                    terminal.error_line(text, color)
                } else if message["newline"].as_bool() == Some(false) {
                    terminal.raw(text)?;
                    terminal.flush()
                } else {
                    terminal.line(text, color)?;
                    terminal.flush()
                }
            }
            "debug" => {
                tracing::debug!(target: "rplay_python", "{text}");
                Ok(())
            }
            verbose if verbose.len() <= usize::from(self.look.verbosity) => {
                self.screen.terminal.line(text, Some(Color::Verbose))?;
                self.screen.terminal.flush()
            }
            _ => Ok(()),
        }
    }

    /// Shows the current event as rplay's own output does, with the result that the callback has made of it.
    fn show(&mut self, message: &Json) -> io::Result<()> {
        let (Some(native), Some(event)) = (&mut self.native, &self.current) else { return Ok(()) };
        let mut event = event.clone();
        if let Some(data) = message.get("data").filter(|data| !data.is_null())
            && let EventKind::HostFinished { result, .. }
            | EventKind::ItemFinished { result, .. }
            | EventKind::Retried { result, .. } = &mut event.kind
        {
            let own =
                |key: &str| key.starts_with("_ansible_") || matches!(key, "exception" | "warnings" | "deprecations");
            let data = map(data).into_iter().filter(|(key, _)| !key.as_str().is_some_and(own)).collect();
            *result = Arc::new(TaskResult { data, ..(**result).clone() });
        }
        native.on_event(&event)
    }

    /// Shows what went wrong, as the default output does before a result.
    fn exception(&mut self, stderr: bool) -> io::Result<()> {
        let Some(EventKind::HostFinished { result, .. } | EventKind::ItemFinished { result, .. }) =
            self.current.as_ref().map(|event| &event.kind)
        else {
            return Ok(());
        };
        let Some(report) = &result.error else { return Ok(()) };
        let text = format!("[ERROR]: {}", report_text(report));
        if stderr {
            self.screen.terminal.error_line(&text, Some(Color::Error))
        } else {
            self.screen.terminal.line(&text, Some(Color::Error))
        }
    }

    /// Calls a method, if any callback has it.
    fn call(&mut self, method: &str, event: &str, fields: Json) -> io::Result<()> {
        if !self.methods.contains(method) {
            return Ok(());
        }
        let mut request = json!({"op": "event", "method": method, "event": event});
        if let (Some(request), Json::Object(fields)) = (request.as_object_mut(), fields) {
            request.extend(fields);
        }
        let answer = self.ask(&request)?;
        if answer["op"] == "raised" {
            let message = answer["message"].as_str().unwrap_or_default();
            return Err(io::Error::other(format!("a callback failed in {method}: {message}")));
        }
        Ok(())
    }

    fn finished(&mut self, task: TaskId, host: &str, outcome: Outcome, result: &TaskResult) -> io::Result<()> {
        let method = match outcome {
            Outcome::Ok | Outcome::Changed => "v2_runner_on_ok",
            Outcome::Skipped => "v2_runner_on_skipped",
            Outcome::Failed { .. } => "v2_runner_on_failed",
            Outcome::Unreachable { .. } => "v2_runner_on_unreachable",
        };
        self.call(method, "result", fields(task, host, outcome, result))
    }
}

/// A result with its task and host.
fn fields(task: TaskId, host: &str, outcome: Outcome, result: &TaskResult) -> Json {
    let ignored = matches!(outcome, Outcome::Failed { ignored: true, .. } | Outcome::Unreachable { ignored: true });
    json!({
        "task": task.0,
        "host": host,
        "ignored": ignored,
        "ended": {
            "failed": matches!(outcome, Outcome::Failed { .. }),
            "skipped": outcome == Outcome::Skipped,
            "unreachable": matches!(outcome, Outcome::Unreachable { .. }),
        },
        "result": told(result),
    })
}

fn told(result: &TaskResult) -> Json {
    let text = |notice: &Notice| Json::from(notice.message.as_str());
    json!({
        "data": plain(&Value::Map(result.data.clone())),
        "label": result.label.as_ref().map(plain),
        "no_log": result.no_log,
        "verbose_always": result.verbose_always,
        "verbose_override": result.verbose_override,
        "delegated_to": result.delegated_to.as_ref().map(|to| json!({"host": to.host, "address": to.address})),
        "exception": result.error.as_ref().filter(|_| !result.no_log).map(report_text),
        "warnings": result.warnings.iter().map(text).collect::<Vec<_>>(),
        "deprecations": result
            .deprecations
            .iter()
            .map(|notice| json!({"msg": notice.message, "version": notice.version}))
            .collect::<Vec<_>>(),
    })
}

/// A value as JSON; what JSON has no form for is null.
fn plain(value: &Value) -> Json {
    serde_json::to_value(value).unwrap_or_default()
}

fn map(json: &Json) -> Map {
    serde_json::from_value(json.clone()).unwrap_or_default()
}

/// The meaning of a colour that callbacks name by Ansible's defaults.
fn color(name: &str) -> Option<Color> {
    Some(match name {
        "green" => Color::Ok,
        "yellow" => Color::Changed,
        "red" => Color::Error,
        "cyan" => Color::Skip,
        "bright red" => Color::Unreachable,
        "bright purple" => Color::Warn,
        "purple" => Color::Deprecate,
        "dark gray" => Color::Debug,
        "blue" => Color::Verbose,
        _ => return None,
    })
}

impl Sink for PythonCallbacks {
    fn on_event(&mut self, event: &Event) -> io::Result<()> {
        if let Some(native) = &mut self.native {
            match &event.kind {
                EventKind::PlayStarted(_) | EventKind::TaskStarted(_) => native.learn(event),
                EventKind::Warned(_)
                | EventKind::Deprecated(_)
                | EventKind::Failed(_)
                | EventKind::Verbose { .. }
                | EventKind::Prompted { .. }
                | EventKind::OutputLine { .. } => return native.on_event(event),
                _ => {}
            }
        }
        if let EventKind::TaskStarted(task) = &event.kind {
            self.tasks.insert(task.id, Arc::clone(task));
        }
        self.current = Some(event.clone());
        let done = self.tell(event);
        self.current = None;
        done
    }
}

impl PythonCallbacks {
    fn tell(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::PlaybookStarted { file } => self.call("v2_playbook_on_start", "playbook", json!({"file": file})),
            EventKind::PlayStarted(info) => {
                let place = info.place.as_ref().map(|place| format!("{}:{}", place.file, place.line));
                let told = json!({
                    "id": info.id.0, "name": info.name, "pattern": info.pattern, "hosts": info.hosts,
                    "strategy": info.strategy, "check": info.check, "place": place,
                });
                // Tasks name their play, whether or not a callback hears of it.
                let wanted = self.methods.insert("v2_playbook_on_play_start".to_owned());
                let done = self.call("v2_playbook_on_play_start", "play", json!({"play": told}));
                if wanted {
                    self.methods.remove("v2_playbook_on_play_start");
                }
                done
            }
            EventKind::NoHostsMatched => self.call("v2_playbook_on_no_hosts_matched", "nothing", json!({})),
            EventKind::NoHostsRemaining => self.call("v2_playbook_on_no_hosts_remaining", "nothing", json!({})),
            EventKind::TaskStarted(task) => {
                let method =
                    if task.handler { "v2_playbook_on_handler_task_start" } else { "v2_playbook_on_task_start" };
                let wanted = self.methods.insert(method.to_owned());
                let done = self.call(method, "task", json!({"task": of_task(task)}));
                if wanted {
                    self.methods.remove(method);
                }
                done
            }
            EventKind::HostStarted { task, host } => {
                self.call("v2_runner_on_start", "start", json!({"task": task.0, "host": &**host}))
            }
            EventKind::ItemFinished { task, host, outcome, result } => {
                let method = match outcome {
                    Outcome::Ok | Outcome::Changed => "v2_runner_item_on_ok",
                    Outcome::Skipped => "v2_runner_item_on_skipped",
                    Outcome::Failed { .. } | Outcome::Unreachable { .. } => "v2_runner_item_on_failed",
                };
                self.call(method, "result", fields(*task, host, *outcome, result))
            }
            EventKind::Retried { task, host, result, .. } => {
                self.call("v2_runner_retry", "result", fields(*task, host, Outcome::Ok, result))
            }
            EventKind::HostFinished { task, host, outcome, result } => self.finished(*task, host, *outcome, result),
            EventKind::Diff { task, host, diffs } => {
                let diffs: Vec<Json> = diffs.iter().map(|diff| plain(&Value::Map(diff.clone()))).collect();
                let found = json!({
                    "task": task.0, "host": &**host,
                    "result": {"data": {"changed": true, "diff": diffs}},
                });
                self.call("v2_on_file_diff", "result", found)
            }
            EventKind::Included { task, file, hosts, label } => {
                let hosts: Vec<&str> = hosts.iter().map(|host| &**host).collect();
                let label = label.as_ref().map(plain);
                let found = json!({"task": task.0, "file": file, "hosts": hosts, "label": label});
                self.call("v2_playbook_on_include", "included", found)
            }
            EventKind::Notified { handler, host } => {
                self.call("v2_playbook_on_notify", "notified", json!({"handler": handler, "host": &**host}))
            }
            EventKind::AsyncPolled { task, host, job, started, finished } => {
                let data = json!({"ansible_job_id": job, "started": started, "finished": finished});
                let found = json!({"task": task.0, "host": &**host, "result": {"data": data}});
                self.call("v2_runner_on_async_poll", "result", found)
            }
            EventKind::AsyncFinished { task, host, job, failed } => {
                let method = if *failed { "v2_runner_on_async_failed" } else { "v2_runner_on_async_ok" };
                let found = json!({
                    "task": task.0, "host": &**host, "ended": {"failed": failed},
                    "result": {"data": {"ansible_job_id": job}},
                });
                self.call(method, "result", found)
            }
            EventKind::VariableAsked { name, private, prompt, default } => {
                let options = json!({"private": private, "prompt": prompt, "default": default.as_ref().map(plain)});
                self.call("v2_playbook_on_vars_prompt", "prompt", json!({"name": name, "options": options}))
            }
            EventKind::Recap(recap) => {
                let hosts = serde_json::to_value(&recap.hosts).unwrap_or_default();
                let mut custom: serde_json::Map<String, Json> = recap
                    .custom_per_host
                    .iter()
                    .map(|(host, data)| (host.clone(), plain(&Value::Map(data.clone()))))
                    .collect();
                if !recap.custom.is_empty() {
                    custom.insert("_run".to_owned(), plain(&Value::Map(recap.custom.clone())));
                }
                self.call("v2_playbook_on_stats", "stats", json!({"hosts": hosts, "custom": custom}))
            }
            _ => Ok(()),
        }
    }
}

fn of_task(task: &TaskInfo) -> Json {
    let place = task.place.as_ref().map(|place| format!("{}:{}", place.file, place.line));
    let action = task.action.strip_prefix("ansible.builtin.").unwrap_or(&task.action);
    json!({
        "id": task.id.0, "name": task.name, "short_name": task.short_name, "role": task.role,
        "named": task.short_name != task.action && task.short_name != action,
        "action": action, "resolved": task.action, "args": plain(&Value::Map(task.args.clone())),
        "check": task.check, "no_log": task.no_log, "tags": task.tags, "handler": task.handler, "looped": task.looped,
        "include": task.include,
        "place": place,
        "implicit": task.action == "ansible.builtin.meta",
    })
}
