//! The output of running programs while it comes, on standard error: beside sinks whose standard output is for programs.

use std::io;

use rplay_event::{Event, Sink};

use crate::follow;
use crate::terminal::Terminal;

/// The sink.
pub struct Follow {
    terminal: Terminal,
}

impl Follow {
    /// A sink that writes to this terminal's standard error.
    pub fn new(terminal: Terminal) -> Self {
        Self { terminal }
    }
}

impl Sink for Follow {
    fn on_event(&mut self, event: &Event) -> io::Result<()> {
        match follow::line(&event.kind) {
            Some(line) => self.terminal.error_line(&line.text, Some(line.color)),
            None => Ok(()),
        }
    }
}
