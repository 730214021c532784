//! The run log: one JSON document per line, in the order of the stream.

use std::io::{self, BufRead, Write};

use crate::{Event, Sink};

/// Writes every event as one line of JSON.
pub struct LogWriter<W> {
    out: W,
}

impl<W: Write + Send> LogWriter<W> {
    /// Writes to `out`, which should be buffered.
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write + Send> Sink for LogWriter<W> {
    fn on_event(&mut self, event: &Event) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, event)?;
        self.out.write_all(b"\n")
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.out.flush()
    }
}

/// Why a log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Reading failed.
    #[error("could not read the run log")]
    Io(#[from] io::Error),
    /// A line is not an event.
    #[error("line {line} of the run log is not an event: {source}")]
    Line {
        /// One-based.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// The events of a log. A last line that was cut off by a crash is left out; any other broken line is an error.
pub fn read_log(input: impl BufRead) -> Result<Vec<Event>, LogError> {
    let mut events = Vec::new();
    let mut broken = None;
    for (index, line) in input.lines().enumerate() {
        let line = line?;
        if let Some(error) = broken {
            return Err(error);
        }
        match serde_json::from_str(&line) {
            Ok(event) => events.push(event),
            Err(source) if source.is_eof() => broken = Some(LogError::Line { line: index + 1, source }),
            Err(source) => return Err(LogError::Line { line: index + 1, source }),
        }
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use rplay_value::{Map, Value};

    use super::*;
    use crate::{EventKind, HostRecap, Outcome, Place, Recap, Report, RunId, RunInfo, TaskId, TaskInfo, TaskResult};

    fn events() -> Vec<Event> {
        let place = Place { file: "a.yml".into(), line: 3, column: 7, lines: vec!["- debug:".into()] };
        let mut data = Map::new();
        data.insert("changed", false);
        data.insert("stdout", "x");
        data.insert("n", Value::from(u64::MAX));
        let result = TaskResult {
            data,
            label: Some(Value::from(1)),
            error: Some(Report::new("Task failed.", Some(place.clone())).caused_by("boo", None, Some("do it".into()))),
            ..TaskResult::default()
        };
        let task = TaskInfo {
            id: TaskId(1),
            play: crate::PlayId(1),
            name: "role : a".into(),
            short_name: "a".into(),
            role: Some("role".into()),
            action: "ansible.builtin.debug".into(),
            place: Some(place),
            args: Map::new(),
            handler: false,
            looped: true,
            include: false,
            check: false,
            no_log: false,
            tags: vec!["always".into()],
        };
        let mut recap = Recap::default();
        recap.hosts.insert("h".into(), HostRecap { ok: 1, ..HostRecap::default() });
        let info = RunInfo {
            run: RunId(uuid::Uuid::nil()),
            playbooks: vec!["a.yml".into()],
            check: false,
            diff: true,
            forks: 5,
            version: "0.1.0".into(),
        };
        [
            EventKind::RunStarted(info),
            EventKind::TaskStarted(Arc::new(task)),
            EventKind::HostFinished {
                task: TaskId(1),
                host: "h".into(),
                outcome: Outcome::Failed { ignored: true, rescued: false },
                result: Arc::new(result),
            },
            EventKind::NoHostsRemaining,
            EventKind::Recap(recap),
            EventKind::RunFinished { exit: 2 },
        ]
        .into_iter()
        .enumerate()
        .map(|(i, kind)| Event {
            seq: i as u64 + 1,
            at: "2026-11-20T12:00:00Z".parse().unwrap(),
            elapsed: Duration::from_millis(12),
            kind,
        })
        .collect()
    }

    #[test]
    fn a_log_reads_back_as_it_was_written() {
        let mut out = Vec::new();
        let mut sink = Box::new(LogWriter::new(&mut out));
        for event in events() {
            sink.on_event(&event).unwrap();
        }
        sink.finish().unwrap();
        assert_eq!(read_log(&out[..]).unwrap(), events());
        // A crash cut the last line.
        let cut = &out[..out.len() - 5];
        assert_eq!(read_log(cut).unwrap().len(), events().len() - 1);
        // A line in the middle is broken.
        let broken = [b"{}\n", &out[..]].concat();
        assert!(matches!(read_log(&broken[..]), Err(LogError::Line { line: 1, .. })));
    }
}
