//! Runs of playbooks in this process: where their output goes, and what a lab hears of them.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::ValueEnum;
use rplay_event::{Event, EventKind, Outcome, Sink, TaskId, TaskInfo};
use rplay_scenario::lab::{Gate, Play, Playbooks, Ran, TaskRan};
use rplay_value::Value;
use rplay_value::json::{self, JsonStyle};

use crate::commands::playbook::{self, Hearing};
use crate::exit;
use crate::options::PlaybookOptions;

/// How steps are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// A line a step
    Human,
    /// One JSON document a line, with the events of runs
    Jsonl,
    /// A JUnit report of all steps in the end; what runs print goes to standard error
    Junit,
}

/// Writes to standard output.
pub(super) fn print(text: &str) {
    // A reader that went away (`| head`) has what it wanted.
    let _ = io::stdout().lock().write_all(text.as_bytes());
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
        let ear = Ear { ran: Arc::clone(&ran), tasks: HashMap::new(), gate: play.gate.clone() };
        let name = play.name.clone();
        let out: Option<Out> = match self.output {
            // Lines of runs that go on side by side say whose they are; those of JSON are whole records.
            Output::Human if play.beside => {
                Some(Arc::new(move || Box::new(Lines { name: name.clone(), rest: Vec::new() })))
            }
            Output::Junit => Some(Arc::new(|| Box::new(io::stderr()))),
            Output::Human | Output::Jsonl => None,
        };
        let stop = Some(Arc::clone(&play.stop));
        let hearing = Hearing { sinks: vec![Box::new(ear)], out, stop, env: play.env.clone() };
        let code = playbook::heard(&options, hearing);
        let ran = std::mem::take(&mut *ran.lock().unwrap_or_else(PoisonError::into_inner));
        Ran { code, ..ran }
    }
}

type Out = Arc<dyn Fn() -> Box<dyn io::Write + Send> + Send + Sync>;

/// Writes whole lines, each with the name of its stage.
struct Lines {
    name: String,
    rest: Vec<u8>,
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.rest.extend_from_slice(bytes);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            if !line.trim().is_empty() {
                print(&format!("{}: {line}", self.name));
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.rest.is_empty() {
            print(&format!("{}: {}\n", self.name, String::from_utf8_lossy(&self.rest)));
        }
    }
}

/// Hears what a run changed, and what hosts are like; holds tasks that something waits for.
struct Ear {
    ran: Arc<Mutex<Ran>>,
    /// Tasks by their numbers, with when they began.
    tasks: HashMap<TaskId, (Arc<TaskInfo>, Duration)>,
    gate: Option<Gate>,
}

impl Sink for Ear {
    fn holds_tasks(&self) -> bool {
        self.gate.is_some()
    }

    fn on_event(&mut self, event: &Event) -> io::Result<()> {
        if let EventKind::TaskStarted(task) = &event.kind {
            self.tasks.insert(task.id, (Arc::clone(task), event.elapsed));
            if let Some(gate) = &self.gate {
                gate.pass(&task.name, &task.short_name);
            }
            return Ok(());
        }
        let mut ran = self.ran.lock().unwrap_or_else(PoisonError::into_inner);
        match &event.kind {
            EventKind::HostFinished { task, host, outcome, result } => {
                if let Some(Value::Map(facts)) = result.data.get("ansible_facts") {
                    let known = ran.facts.entry(host.to_string()).or_default();
                    known.extend(facts.iter().map(|(name, value)| (name.clone(), value.clone())));
                }
                let (name, began) =
                    self.tasks.get(task).map(|(info, began)| (info.name.clone(), *began)).unwrap_or_default();
                let recap = ran.recap.entry(host.to_string()).or_default();
                let mut failed = None;
                let why = || result.data.get("msg").map(Value::to_string).unwrap_or_default();
                match outcome {
                    Outcome::Ok => recap.ok += 1,
                    Outcome::Changed => {
                        recap.ok += 1;
                        recap.changed += 1;
                    }
                    Outcome::Skipped => recap.skipped += 1,
                    Outcome::Failed { ignored: true, .. } | Outcome::Failed { rescued: true, .. } => recap.ok += 1,
                    Outcome::Unreachable { ignored: true } => recap.unreachable += 1,
                    Outcome::Failed { .. } => {
                        recap.failed += 1;
                        failed = Some(why());
                    }
                    Outcome::Unreachable { .. } => {
                        recap.unreachable += 1;
                        failed = Some(why());
                    }
                }
                if *outcome == Outcome::Changed || failed.is_some() {
                    let took = event.elapsed.saturating_sub(began);
                    ran.tasks.push(TaskRan { host: host.to_string(), task: name, failed, took });
                }
            }
            EventKind::Recap(recap) => ran.stats = recap.custom.clone(),
            _ => {}
        }
        Ok(())
    }
}
