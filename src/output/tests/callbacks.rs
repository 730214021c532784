//! Callbacks in Python hear of events, each in its turn, and what they have no method for is not sent.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rplay_event::{Event, EventKind, Outcome, PlayId, PlayInfo, Recap, Sink as _, TaskId, TaskInfo, TaskResult};
use rplay_output::{Callback, CallbackRun, Look, PythonCallbacks};
use rplay_python::{PluginFile, Python, PythonOptions};
use rplay_template::{Engine, EngineOptions};
use rplay_value::{Map, Value};

fn event(kind: EventKind) -> Event {
    Event { seq: 1, at: jiff::Timestamp::UNIX_EPOCH, elapsed: Duration::ZERO, kind }
}

fn scribe() -> PluginFile {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/plugins/callback_plugins/scribe.py");
    PluginFile { kind: "callback", name: "scribe".to_owned(), file: file.canonicalize().unwrap(), collection: None }
}

#[test]
fn a_callback_hears_what_it_has_methods_for() {
    let folder = tempfile::tempdir().unwrap();
    let (config, path) = (folder.path().join("ansible.cfg"), folder.path().join("heard"));
    std::fs::write(&config, format!("[scribe]\npath = {}\n", path.display())).unwrap();
    let python = Python::new(PythonOptions { config_file: Some(config), ..PythonOptions::default() });
    let engine = Engine::new(EngineOptions::default());
    let others = vec![Callback { file: scribe(), enabled: true }];
    let run = CallbackRun { others, transport: "ssh".to_owned(), ..CallbackRun::default() };
    let mut sink = PythonCallbacks::start(&python, &engine, &run, &Look::default()).unwrap().unwrap();
    let (play, task, host): (_, _, Arc<str>) = (PlayId(1), TaskId(7), "web".into());
    let result = |msg: &str| {
        let data = Map::from_iter([("changed", Value::from(true)), ("msg", Value::from(msg))]);
        Arc::new(TaskResult { data, ..TaskResult::default() })
    };
    let mut recap = Recap::default();
    recap.host("web").ok = 2;
    for kind in [
        EventKind::PlayStarted(Arc::new(PlayInfo {
            id: play,
            name: "all of it".to_owned(),
            pattern: "all".to_owned(),
            hosts: vec!["web".to_owned()],
            place: None,
            strategy: "linear".to_owned(),
            check: false,
        })),
        EventKind::TaskStarted(Arc::new(TaskInfo {
            id: task,
            play,
            name: "role : do it".to_owned(),
            short_name: "do it".to_owned(),
            role: Some("role".to_owned()),
            action: "ansible.builtin.command".to_owned(),
            place: None,
            args: Map::new(),
            handler: false,
            looped: false,
            include: false,
            check: false,
            no_log: false,
            tags: Vec::new(),
        })),
        EventKind::HostStarted { task, host: Arc::clone(&host) },
        EventKind::HostFinished {
            task,
            host: Arc::clone(&host),
            outcome: Outcome::Changed,
            result: result("{\"$\": 1}"),
        },
        EventKind::HostFinished {
            task,
            host,
            outcome: Outcome::Failed { ignored: true, rescued: false },
            result: result("broken"),
        },
        EventKind::Recap(recap),
    ] {
        sink.on_event(&event(kind)).unwrap();
    }
    let heard = std::fs::read_to_string(path).unwrap();
    assert_eq!(heard, "play all of it\nok web do it True {\"$\": 1}\nfailed web broken True\nstats {'web': 2}\n");
}

#[test]
fn a_callback_that_has_to_be_enabled_and_is_not_starts_nothing() {
    let python = Python::new(PythonOptions::default());
    let engine = Engine::new(EngineOptions::default());
    let others = vec![Callback { file: scribe(), enabled: false }];
    let run = CallbackRun { others, ..CallbackRun::default() };
    assert!(PythonCallbacks::start(&python, &engine, &run, &Look::default()).unwrap().is_none());
}
