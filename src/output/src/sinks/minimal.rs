//! ansible-core's `minimal` callback: one block for each result, what `ansible` (ad-hoc commands) shows.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use rplay_event::{Event, EventKind, Outcome, Sink, TaskId, TaskInfo, TaskResult};
use rplay_value::{Map, Value};

use crate::result::cleaned;
use crate::screen::Screen;
use crate::terminal::{Color, Look, Terminal};
use crate::{diff, dump};

/// The sink.
pub struct Minimal {
    screen: Screen,
    tasks: HashMap<TaskId, Arc<TaskInfo>>,
}

impl Minimal {
    /// A sink that writes to this terminal.
    pub fn new(terminal: Terminal, look: Look) -> Self {
        Self { screen: Screen::new(terminal, look), tasks: HashMap::new() }
    }

    fn finished(&mut self, task: &TaskInfo, host: &str, outcome: Outcome, result: &TaskResult) -> io::Result<()> {
        self.screen.notices(result)?;
        let data = match outcome {
            Outcome::Ok | Outcome::Changed => cleaned(&result.data, task),
            _ => result.data.clone(),
        };
        let (state, color) = match outcome {
            Outcome::Ok => ("SUCCESS", Color::Ok),
            Outcome::Changed => ("CHANGED", Color::Changed),
            Outcome::Failed { .. } => ("FAILED", Color::Error),
            Outcome::Skipped => return self.screen.terminal.line(&format!("{host} | SKIPPED"), Some(Color::Skip)),
            Outcome::Unreachable { .. } => ("UNREACHABLE!", Color::Unreachable),
        };
        let failed = matches!(outcome, Outcome::Failed { .. });
        let plain = shows_output(task) && !matches!(outcome, Outcome::Unreachable { .. });
        if plain && !data.contains(if failed { "module_stderr" } else { "ansible_job_id" }) {
            return self.screen.terminal.line(&program_output(host, state, &data), Some(color));
        }
        let mark = if failed { "!" } else { "" };
        let text = format!("{host} | {state}{mark} => {}", dump::indented(&data, Some(4), &self.screen.look));
        self.screen.terminal.line(&text, Some(color))
    }
}

/// Modules whose output is shown instead of their result: ansible-core's `MODULE_NO_JSON`.
pub(super) fn shows_output(task: &TaskInfo) -> bool {
    let name = task.action.strip_prefix("ansible.builtin.").or_else(|| task.action.strip_prefix("ansible.legacy."));
    matches!(name.unwrap_or(&task.action), "command" | "win_command" | "shell" | "win_shell" | "raw")
}

/// Text under a key, empty when there is none.
pub(super) fn text(data: &Map, key: &str) -> String {
    data.get(key).map_or_else(String::new, |value| value.to_str().into_owned())
}

/// A program's exit code; -1 when it did not run.
pub(super) fn exit_code(data: &Map) -> String {
    data.get("rc").unwrap_or(&Value::Int(-1)).to_str().into_owned()
}

fn program_output(host: &str, state: &str, data: &Map) -> String {
    let (stdout, stderr, msg) = (text(data, "stdout"), text(data, "stderr"), text(data, "msg"));
    format!("{host} | {state} | rc={} >>\n{stdout}{stderr}{msg}\n", exit_code(data))
}

impl Sink for Minimal {
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
            EventKind::Diff { diffs, .. } => {
                let text = diff::text(diffs, &self.screen.look);
                self.screen.terminal.line(&text, None)?;
            }
            other => self.screen.common(other)?,
        }
        self.screen.terminal.flush()
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.screen.terminal.flush()
    }
}
