//! `ansible.posix.profile_tasks`: the time under every task's banner, and the slowest tasks after the recap.

use std::io;
use std::time::Duration;

use jiff::tz::TimeZone;
use rplay_event::{Event, EventKind, Sink, TaskInfo};

use crate::terminal::{Look, Terminal};

/// How many tasks the summary lists.
const LISTED: usize = 20;
/// The width of its lines, whatever the terminal's.
const WIDTH: usize = 79;

/// The sink.
pub struct ProfileTasks {
    terminal: Terminal,
    look: Look,
    zone: TimeZone,
    /// When the task before this moment started.
    last: Duration,
    tasks: Vec<Timed>,
}

struct Timed {
    name: String,
    path: Option<String>,
    start: Duration,
    took: Duration,
}

impl ProfileTasks {
    /// A sink that writes to this terminal, in the system's time zone.
    pub fn new(terminal: Terminal, look: Look) -> Self {
        Self { terminal, look, zone: TimeZone::system(), last: Duration::ZERO, tasks: Vec::new() }
    }

    /// The clock, how long the task before took, and how long the run does: also ends the task before.
    fn clock(&mut self, event: &Event) -> io::Result<()> {
        if let Some(last) = self.tasks.last_mut() {
            last.took = event.elapsed.saturating_sub(last.start);
        }
        let now = event.at.to_zoned(self.zone.clone()).strftime("%A %d %B %Y  %H:%M:%S %z").to_string();
        let since = event.elapsed.saturating_sub(self.last);
        self.last = event.elapsed;
        let text = format!("{now} ({})       {}", span(since), span(event.elapsed));
        self.terminal.line(&filled(&text, '*'), None)
    }

    fn started(&mut self, event: &Event, task: &TaskInfo) -> io::Result<()> {
        self.clock(event)?;
        let path = task.place.as_ref().filter(|_| self.look.verbosity >= 2).map(rplay_event::Place::path);
        self.tasks.push(Timed { name: task.name.clone(), path, start: event.elapsed, took: Duration::ZERO });
        self.terminal.flush()
    }

    fn summary(&mut self, event: &Event) -> io::Result<()> {
        self.clock(event)?;
        self.terminal.line(&filled("", '='), None)?;
        let mut slowest: Vec<&Timed> = self.tasks.iter().collect();
        slowest.sort_by_key(|task| std::cmp::Reverse(task.took));
        let columns = self.look.columns;
        for task in slowest.into_iter().take(LISTED) {
            let seconds = format!(" {:.2}s", task.took.as_secs_f64());
            let mut line = format!("{}{seconds:->9}", dashes(&task.name, columns.saturating_sub(9)));
            if let Some(path) = &task.path {
                line.push('\n');
                line.push_str(&dashes(path, columns));
            }
            self.terminal.line(&line, None)?;
        }
        self.terminal.flush()
    }
}

/// `text -----` up to the width.
fn dashes(text: &str, width: usize) -> String {
    format!("{:-<width$}", format!("{text} "))
}

/// Text and a space, filled up; a space follows.
fn filled(text: &str, fill: char) -> String {
    let text = if text.is_empty() { String::new() } else { format!("{text} ") };
    let room = WIDTH.saturating_sub(text.chars().count()).max(3);
    let filler: String = std::iter::repeat_n(fill, room).collect();
    format!("{text}{filler} ")
}

/// `h:mm:ss.mmm`.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}:{:02}.{:03}", seconds / 3600, seconds / 60 % 60, seconds % 60, time.subsec_millis())
}

impl Sink for ProfileTasks {
    fn on_event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::TaskStarted(task) => self.started(event, task),
            EventKind::Recap(_) => self.summary(event),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_callbacks_shape() {
        assert_eq!(span(Duration::from_millis(3_725_042)), "1:02:05.042");
        let line = filled("Thursday 11 June 2017  22:50:53 +0100 (0:00:00.721)       0:00:05.322", '*');
        assert_eq!(line, "Thursday 11 June 2017  22:50:53 +0100 (0:00:00.721)       0:00:05.322 ********* ");
        assert_eq!(filled("", '='), format!("{} ", "=".repeat(79)));
        assert_eq!(dashes("Install", 12), "Install ----");
    }
}
