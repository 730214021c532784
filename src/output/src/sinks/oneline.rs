//! ansible-core's `oneline` callback: one line for each result (`ansible -o`).

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use rplay_event::{Event, EventKind, Outcome, Sink, TaskId, TaskInfo, TaskResult};
use rplay_value::Map;

use super::minimal::{exit_code, shows_output, text};
use crate::dump;
use crate::screen::Screen;
use crate::terminal::{Color, Look, Terminal};

/// The sink.
pub struct OneLine {
    screen: Screen,
    tasks: HashMap<TaskId, Arc<TaskInfo>>,
}

impl OneLine {
    /// A sink that writes to this terminal.
    pub fn new(terminal: Terminal, look: Look) -> Self {
        Self { screen: Screen::new(terminal, look), tasks: HashMap::new() }
    }

    fn finished(&mut self, task: &TaskInfo, host: &str, outcome: Outcome, result: &TaskResult) -> io::Result<()> {
        let data = &result.data;
        let (state, color) = match outcome {
            Outcome::Ok => ("SUCCESS", Color::Ok),
            Outcome::Changed => ("CHANGED", Color::Changed),
            Outcome::Failed { .. } => ("FAILED!", Color::Error),
            Outcome::Skipped => return self.screen.terminal.line(&format!("{host} | SKIPPED"), Some(Color::Skip)),
            Outcome::Unreachable { .. } => {
                let line = format!("{host} | UNREACHABLE!: {}", text(data, "msg"));
                return self.screen.terminal.line(&line, Some(Color::Unreachable));
            }
        };
        if outcome.is_bad() && result.error.is_some() {
            // What ansible-core shows of an exception before the result, for programs their output.
            let line = if shows_output(task) && !data.contains("module_stderr") {
                program_line(host, "FAILED", data)
            } else if self.screen.look.verbosity < 3 {
                "An exception occurred during task execution. To see the full traceback, use -vvv. The error was: \
                 (traceback unavailable)"
                    .to_owned()
            } else {
                "An exception occurred during task execution. The full traceback is:\n(traceback unavailable)"
                    .to_owned()
            };
            self.screen.terminal.line(&line, Some(color))?;
        } else if shows_output(task) && !outcome.is_bad() && !data.contains("ansible_job_id") {
            return self.screen.terminal.line(&program_line(host, state, data), Some(color));
        }
        // Ansible indents by nothing and drops the line ends; what asks to be shown in full keeps its indentation.
        let indent = if result.verbose_always { 4 } else { 0 };
        let body = dump::indented(data, Some(indent), &self.screen.look).replace('\n', "");
        self.screen.terminal.line(&format!("{host} | {state} => {body}"), Some(color))
    }
}

fn program_line(host: &str, state: &str, data: &Map) -> String {
    let one = |key| text(data, key).replace('\n', "\\n").replace('\r', "\\r");
    let stderr = match one("stderr") {
        stderr if stderr.is_empty() => stderr,
        stderr => format!(" (stderr) {stderr}"),
    };
    format!("{host} | {state} | rc={} | (stdout) {}{stderr}", exit_code(data), one("stdout"))
}

impl Sink for OneLine {
    fn on_event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::TaskStarted(task) => {
                self.tasks.insert(task.id, Arc::clone(task));
                return Ok(());
            }
            EventKind::HostFinished { task, host, outcome, result } => {
                if let Some(task) = self.tasks.get(task).cloned() {
                    self.finished(&task, host, *outcome, result)?;
                }
            }
            other => self.screen.common(other)?,
        }
        self.screen.terminal.flush()
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.screen.terminal.flush()
    }
}
