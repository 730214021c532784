//! What plugs in: something that reads the stream.

use std::io;

use crate::Event;

/// A reader of the stream: terminal output, JSON, JUnit, the run log.
///
/// Called on the dispatcher's thread, in order, one event at a time.
pub trait Sink: Send {
    /// Takes one event. An error stops this sink, not the run; it is reported once at the end.
    fn on_event(&mut self, event: &Event) -> io::Result<()>;

    /// Whether tasks wait, when they begin, until this sink has seen it: for what must happen before their first host.
    fn holds_tasks(&self) -> bool {
        false
    }

    /// Called once after the last event.
    fn finish(self: Box<Self>) -> io::Result<()> {
        Ok(())
    }
}
