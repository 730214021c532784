//! What a lab tells, as records: one JSON document each, with the time. Lines for people, JSON lines, JUnit and the HTML report are
//! all made of them.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rplay_scenario::lab::{Ending, Listener, Told};
use serde_json::{Value, json};

use super::progress::Progress;
use super::told::{Output, print};

/// Prints what a lab tells, and keeps it.
pub(super) struct Printer {
    output: Output,
    start: Instant,
    records: Mutex<Vec<Value>>,
    progress: Progress,
}

impl Printer {
    pub(super) fn new(output: Output) -> Self {
        let progress = Progress::new(output == Output::Human);
        Self { output, start: Instant::now(), records: Mutex::default(), progress }
    }

    /// Everything so far.
    pub(super) fn records(&self) -> Vec<Value> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Listener for Printer {
    fn told(&self, told: &Told) {
        let record = record(told, self.start.elapsed().as_secs_f64());
        // One at a time, so that lines stand in the order of records.
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        match self.output {
            Output::Human => {
                self.progress.told(told);
                if let Some(line) = human(told) {
                    self.progress.print(&line);
                }
            }
            Output::Jsonl => print(&format!("{record}\n")),
            Output::Junit => {}
        }
        records.push(record);
    }
}

fn human(told: &Told) -> Option<String> {
    Some(match told {
        // What takes a while is worth a line before it is done.
        Told::Begun(what @ ("stage" | "idempotence"), name) => format!("\n{what} {name}\n"),
        Told::Begun(..) | Told::Ran { .. } => return None,
        Told::Ended { what, name, ending, note, took } => {
            let word = match (*what, ending) {
                ("check", Ending::Done) => "ok",
                ("node" | "network", Ending::Changed) => "made",
                (_, ending) => ending.word(),
            };
            let note = note.as_deref().map(|note| format!("  {note}")).unwrap_or_default();
            format!("{what:11} {name:24} {word:8} {:6.1}s{note}\n", took.as_secs_f64())
        }
        Told::Line(stage, text) => format!("{stage}: {text}\n"),
        Told::Note(text) => format!("note: {text}\n"),
    })
}

fn record(told: &Told, at: f64) -> Value {
    match told {
        Told::Begun(what, name) => json!({"scenario": "begun", "at": at, "what": what, "name": name}),
        Told::Ended { what, name, ending, note, took } => json!({
            "scenario": "ended",
            "at": at,
            "what": what,
            "name": name,
            "ending": ending.word(),
            "note": note,
            "seconds": took.as_secs_f64(),
        }),
        Told::Ran { stage, ran } => json!({
            "scenario": "ran",
            "at": at,
            "stage": stage,
            "code": ran.code,
            "hosts": ran.recap.iter().map(|(host, recap)| (host.clone(), json!({
                "ok": recap.ok, "changed": recap.changed, "skipped": recap.skipped, "failed": recap.failed,
                "unreachable": recap.unreachable,
            }))).collect::<serde_json::Map<_, _>>(),
            "tasks": ran.tasks.iter().map(|task| json!({
                "host": task.host, "task": task.task, "failed": task.failed, "seconds": task.took.as_secs_f64(),
            })).collect::<Vec<_>>(),
        }),
        Told::Line(stage, text) => json!({"scenario": "line", "at": at, "stage": stage, "text": text}),
        Told::Note(text) => json!({"scenario": "note", "at": at, "text": text}),
    }
}
