//! What a lab tells, as lines for people or for programs; and what it hears of its runs.

use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use clap::ValueEnum;
use rplay_event::{Event, EventKind, Outcome, Sink};
use rplay_scenario::lab::{Ending, Listener, Play, Playbooks, Ran, Told};
use rplay_value::json::{self, JsonStyle};
use rplay_value::{Map, Value};
use serde_json::json;

use crate::commands::playbook;
use crate::exit;
use crate::options::PlaybookOptions;

/// How steps are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// A line a step
    Human,
    /// One JSON document a line, with the events of runs
    Jsonl,
}

/// Prints what a lab tells.
pub(super) struct Printer {
    pub(super) output: Output,
}

impl Listener for Printer {
    fn told(&self, told: &Told) {
        match self.output {
            Output::Human => {
                if let Some(line) = human(told) {
                    print(&line);
                }
            }
            Output::Jsonl => print(&format!("{}\n", record(told))),
        }
    }
}

/// Writes to standard output.
pub(super) fn print(text: &str) {
    // A reader that went away (`| head`) has what it wanted.
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

fn human(told: &Told) -> Option<String> {
    Some(match told {
        // What takes a while is worth a line before it is done.
        Told::Begun(what @ ("stage" | "idempotence"), name) => format!("\n{what} {name}\n"),
        Told::Begun(..) => return None,
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

fn record(told: &Told) -> serde_json::Value {
    match told {
        Told::Begun(what, name) => json!({"scenario": "begun", "what": what, "name": name}),
        Told::Ended { what, name, ending, note, took } => json!({
            "scenario": "ended",
            "what": what,
            "name": name,
            "ending": ending.word(),
            "note": note,
            "seconds": took.as_secs_f64(),
        }),
        Told::Line(stage, text) => json!({"scenario": "line", "stage": stage, "text": text}),
        Told::Note(text) => json!({"scenario": "note", "text": text}),
    }
}

/// Runs playbooks in this process.
pub(super) struct InProcess {
    pub(super) output: Output,
    pub(super) verbose: u8,
    pub(super) extra_vars: Vec<String>,
}

impl Playbooks for InProcess {
    fn run(&self, play: &Play) -> Ran {
        let mut extra_vars = Vec::new();
        if !play.vars.is_empty() {
            match json::dumps(&Value::Map(play.vars.clone()), &JsonStyle::default()) {
                Ok(text) => extra_vars.push(text),
                Err(_) => return Ran { code: exit::OPTIONS, ..Ran::default() },
            }
        }
        // Those of the command line come last, and win.
        extra_vars.extend(self.extra_vars.iter().cloned());
        let options = PlaybookOptions {
            playbooks: play.playbooks.clone(),
            inventory: vec![play.inventory.display().to_string()],
            limit: play.limit.iter().cloned().collect(),
            tags: play.tags.clone(),
            skip_tags: play.skip_tags.clone(),
            extra_vars,
            verbose: self.verbose,
            output: (self.output == Output::Jsonl).then(|| "jsonl".to_owned()),
            // `rplay resume` knows nothing of stages.
            no_journal: true,
            ..PlaybookOptions::default()
        };
        let ran = Arc::new(Mutex::new(Ran::default()));
        let code = playbook::heard(&options, Box::new(Ear { ran: Arc::clone(&ran), tasks: Map::new() }));
        let ran = std::mem::take(&mut *ran.lock().unwrap_or_else(PoisonError::into_inner));
        Ran { code, ..ran }
    }
}

/// Hears what a run changed, and what hosts are like.
struct Ear {
    ran: Arc<Mutex<Ran>>,
    /// Names of tasks by their numbers.
    tasks: Map,
}

impl Sink for Ear {
    fn on_event(&mut self, event: &Event) -> io::Result<()> {
        let mut ran = self.ran.lock().unwrap_or_else(PoisonError::into_inner);
        match &event.kind {
            EventKind::TaskStarted(task) => {
                self.tasks.insert(format!("{:?}", task.id), task.name.as_str());
            }
            EventKind::HostFinished { task, host, outcome, result } => {
                if let Some(Value::Map(facts)) = result.data.get("ansible_facts") {
                    let known = ran.facts.entry(host.to_string()).or_default();
                    known.extend(facts.iter().map(|(name, value)| (name.clone(), value.clone())));
                }
                if *outcome == Outcome::Changed {
                    let name = self.tasks.get(&format!("{task:?}")).map(Value::to_string).unwrap_or_default();
                    ran.changed.push((host.to_string(), name));
                }
            }
            EventKind::Recap(recap) => ran.stats = recap.custom.clone(),
            _ => {}
        }
        Ok(())
    }
}
