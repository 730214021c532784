//! Every event as one line of JSON, as it happens: the run log on standard output.

use std::io;

use rplay_event::{Event, Sink};

use crate::terminal::Terminal;

/// The sink.
pub struct JsonLines {
    terminal: Terminal,
}

impl JsonLines {
    /// A sink that writes to this terminal's standard output.
    pub fn new(terminal: Terminal) -> Self {
        Self { terminal }
    }
}

impl Sink for JsonLines {
    fn on_event(&mut self, event: &Event) -> io::Result<()> {
        let out = self.terminal.out();
        serde_json::to_writer(&mut *out, event)?;
        out.write_all(b"\n")?;
        out.flush()
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.terminal.flush()
    }
}
