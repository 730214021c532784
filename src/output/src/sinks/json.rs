//! One JSON document at the end, with the keys of the `ansible.posix.json` callback: plays, their tasks, each with its
//! hosts' results, and statistics.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rplay_event::{Event, EventKind, Notice, Outcome, PlayInfo, Recap, Sink, TaskId, TaskInfo, TaskResult};
use rplay_value::{JsonStyle, List, Map, Value, json};

use crate::terminal::Terminal;

/// The sink.
pub struct Json {
    terminal: Terminal,
    plays: Vec<Play>,
    /// Where a task is: play and place in it.
    places: HashMap<TaskId, (usize, usize)>,
    recap: Recap,
    warnings: List,
}

struct Play {
    info: Arc<PlayInfo>,
    start: jiff::Timestamp,
    end: jiff::Timestamp,
    tasks: Vec<Task>,
}

struct Task {
    info: Arc<TaskInfo>,
    start: jiff::Timestamp,
    end: jiff::Timestamp,
    elapsed: (Duration, Duration),
    hosts: Map,
}

impl Json {
    /// A sink that writes to this terminal's standard output.
    pub fn new(terminal: Terminal) -> Self {
        Self { terminal, plays: Vec::new(), places: HashMap::new(), recap: Recap::default(), warnings: List::new() }
    }

    fn task(&mut self, id: TaskId) -> Option<&mut Task> {
        let (play, task) = *self.places.get(&id)?;
        self.plays.get_mut(play)?.tasks.get_mut(task)
    }

    fn document(&self) -> Map {
        let plays: List = self.plays.iter().map(Play::value).collect();
        let stats: Map = self
            .recap
            .hosts
            .iter()
            .map(|(host, counts)| {
                let counts = [
                    ("changed", counts.changed),
                    ("failures", counts.failed),
                    ("ignored", counts.ignored),
                    ("ok", counts.ok),
                    ("rescued", counts.rescued),
                    ("skipped", counts.skipped),
                    ("unreachable", counts.unreachable),
                ];
                (host.as_str(), Value::Map(counts.into_iter().collect()))
            })
            .collect();
        let custom: Map =
            self.recap.custom_per_host.iter().map(|(host, stats)| (host.as_str(), stats.clone())).collect();
        Map::from_iter([
            ("custom_stats", Value::Map(custom)),
            ("global_custom_stats", Value::Map(self.recap.custom.clone())),
            ("plays", plays.into()),
            ("stats", stats.into()),
            ("warnings", self.warnings.clone().into()),
        ])
    }
}

fn duration(start: jiff::Timestamp, end: jiff::Timestamp) -> Value {
    Map::from_iter([("end", text(end)), ("start", text(start))]).into()
}

/// Microseconds and a `Z`, as the callback writes times.
fn text(time: jiff::Timestamp) -> Value {
    Value::from(time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string())
}

impl Play {
    fn value(&self) -> Value {
        let tasks: List = self.tasks.iter().map(Task::value).collect();
        let play = Map::from_iter([
            ("duration", duration(self.start, self.end)),
            ("id", Value::from(self.info.id.0.to_string())),
            ("name", Value::from(self.info.name.as_str())),
        ]);
        Map::from_iter([("play", Value::Map(play)), ("tasks", tasks.into())]).into()
    }
}

impl Task {
    fn value(&self) -> Value {
        let path = self.info.place.as_ref().map(rplay_event::Place::path);
        let mut task = Map::from_iter([
            ("duration", duration(self.start, self.end)),
            ("id", Value::from(self.info.id.0.to_string())),
            ("name", Value::from(self.info.name.as_str())),
            ("path", Value::from(path)),
        ]);
        task.insert("seconds", self.elapsed.1.saturating_sub(self.elapsed.0).as_secs_f64());
        Map::from_iter([("hosts", Value::Map(self.hosts.clone())), ("task", task.into())]).into()
    }
}

fn host_result(info: &TaskInfo, outcome: Outcome, result: &TaskResult) -> Map {
    let mut data = result.data.clone();
    data.insert("action", info.action.as_str());
    match outcome {
        Outcome::Failed { ignored, rescued } => {
            data.insert("failed", true);
            if ignored || rescued {
                data.insert(if ignored { "ignore_errors" } else { "rescued" }, true);
            }
        }
        Outcome::Unreachable { .. } => {
            data.insert("unreachable", true);
        }
        Outcome::Skipped => {
            data.insert("skipped", true);
        }
        Outcome::Ok | Outcome::Changed => {}
    }
    if let Some(error) = &result.error {
        data.insert("exception", error.message());
    }
    if !result.warnings.is_empty() {
        data.insert("warnings", result.warnings.iter().map(|notice| notice.message.clone()).collect::<List>());
    }
    data
}

impl Sink for Json {
    fn on_event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::PlayStarted(info) => {
                self.plays.push(Play { info: Arc::clone(info), start: event.at, end: event.at, tasks: Vec::new() });
            }
            EventKind::TaskStarted(info) => {
                if let Some(play) = self.plays.last_mut() {
                    let elapsed = (event.elapsed, event.elapsed);
                    play.tasks.push(Task {
                        info: Arc::clone(info),
                        start: event.at,
                        end: event.at,
                        elapsed,
                        hosts: Map::new(),
                    });
                    let at = play.tasks.len() - 1;
                    self.places.insert(info.id, (self.plays.len() - 1, at));
                }
            }
            EventKind::HostFinished { task, host, outcome, result } => {
                if let Some(task) = self.task(*task) {
                    task.end = event.at;
                    task.elapsed.1 = event.elapsed;
                    let data = host_result(&task.info, *outcome, result);
                    task.hosts.insert(&**host, data);
                }
                if let Some(play) = self.plays.last_mut() {
                    play.end = event.at;
                }
            }
            EventKind::Warned(Notice { message, .. }) => self.warnings.push(message.as_str()),
            EventKind::Failed(report) => self.terminal.error_line(&report.message(), None)?,
            EventKind::Recap(recap) => self.recap = recap.clone(),
            _ => {}
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        let style = JsonStyle { ensure_ascii: false, ..JsonStyle::nice(4) };
        let document = Value::Map(self.document());
        let text = json::dumps(&document, &style)
            .or_else(|_| json::dumps(&document, &JsonStyle { sort_keys: false, ..style }))
            .map_err(io::Error::other)?;
        self.terminal.raw(&text)?;
        self.terminal.raw("\n")?;
        self.terminal.flush()
    }
}
