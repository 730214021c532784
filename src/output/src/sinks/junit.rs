//! A JUnit report at the end: a test suite for each play, a test case for each task on each host.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use rplay_event::{Event, EventKind, Outcome, PlayInfo, Sink, TaskId, TaskInfo, TaskResult};

use crate::report::report_text;
use crate::terminal::Terminal;

/// The sink.
pub struct JUnit {
    terminal: Terminal,
    name: String,
    play: Option<Arc<PlayInfo>>,
    suite: Option<TestSuite>,
    done: Vec<TestSuite>,
    tasks: HashMap<TaskId, (Arc<TaskInfo>, Duration)>,
}

impl JUnit {
    /// A sink that writes to this terminal's standard output.
    pub fn new(terminal: Terminal) -> Self {
        let name = "rplay".to_owned();
        Self { terminal, name, play: None, suite: None, done: Vec::new(), tasks: HashMap::new() }
    }

    fn finished(&mut self, at: Duration, id: TaskId, host: &str, outcome: Outcome, result: &TaskResult) {
        let (Some((task, start)), Some(suite)) = (self.tasks.get(&id), &mut self.suite) else { return };
        let message = |fallback: &str| {
            let text = result.data.get("msg").or_else(|| result.data.get("skip_reason"));
            let text = text.or_else(|| result.data.get("censored"));
            text.map_or_else(|| fallback.to_owned(), |value| value.to_str().into_owned())
        };
        let status = match outcome {
            Outcome::Ok | Outcome::Changed => TestCaseStatus::success(),
            Outcome::Failed { ignored: true, .. }
            | Outcome::Failed { rescued: true, .. }
            | Outcome::Unreachable { ignored: true } => TestCaseStatus::success(),
            Outcome::Skipped => {
                let mut status = TestCaseStatus::skipped();
                status.set_message(message("skipped"));
                status
            }
            Outcome::Failed { .. } => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_type("failed").set_message(message("failed"));
                if let Some(report) = &result.error {
                    status.set_description(report_text(report));
                }
                status
            }
            Outcome::Unreachable { .. } => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
                status.set_type("unreachable").set_message(message("unreachable"));
                status
            }
        };
        let mut case = TestCase::new(format!("[{host}] {}", task.name), status);
        case.set_time(at.saturating_sub(*start));
        if let Some(place) = &task.place {
            case.set_classname(place.path());
        }
        for (key, stderr) in [("stdout", false), ("stderr", true)] {
            let text = result.data.get(key).map(|value| value.to_str().into_owned()).filter(|text| !text.is_empty());
            match text {
                Some(text) if stderr => case.set_system_err(text),
                Some(text) => case.set_system_out(text),
                None => continue,
            };
        }
        suite.add_test_case(case);
    }
}

impl Sink for JUnit {
    fn on_event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::PlaybookStarted { file } => file.clone_into(&mut self.name),
            EventKind::PlayStarted(play) => {
                self.done.extend(self.suite.take());
                self.suite = Some(TestSuite::new(play.name.as_str()));
                self.play = Some(Arc::clone(play));
            }
            EventKind::TaskStarted(task) => {
                self.tasks.insert(task.id, (Arc::clone(task), event.elapsed));
            }
            EventKind::HostFinished { task, host, outcome, result } => {
                self.finished(event.elapsed, *task, host, *outcome, result);
            }
            EventKind::Failed(report) => self.terminal.error_line(&report.message(), None)?,
            _ => {}
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        let mut report = Report::new(self.name.as_str());
        self.done.extend(self.suite.take());
        report.add_test_suites(self.done.drain(..).filter(|suite| !suite.test_cases.is_empty()));
        let text = report.to_string().map_err(io::Error::other)?;
        self.terminal.raw(&text)?;
        self.terminal.flush()
    }
}
