//! Shows nothing: for runs that something else shows.

use std::io;

use rplay_event::{Event, Sink};

/// The sink.
pub struct Silent;

impl Sink for Silent {
    fn on_event(&mut self, _event: &Event) -> io::Result<()> {
        Ok(())
    }
}
