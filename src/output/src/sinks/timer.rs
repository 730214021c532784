//! `ansible.posix.timer`: how long the run took, after the recap.

use std::io;
use std::time::Duration;

use rplay_event::{Event, EventKind, Sink};

use crate::terminal::Terminal;

/// The sink.
pub struct Timer {
    terminal: Terminal,
}

impl Timer {
    /// A sink that writes to this terminal.
    pub fn new(terminal: Terminal) -> Self {
        Self { terminal }
    }
}

fn sentence(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    format!("Playbook run took {days} days, {} hours, {} minutes, {} seconds", rest / 3600, rest / 60 % 60, rest % 60)
}

impl Sink for Timer {
    fn on_event(&mut self, event: &Event) -> io::Result<()> {
        if matches!(event.kind, EventKind::Recap(_)) {
            self.terminal.line(&sentence(event.elapsed), None)?;
            self.terminal.flush()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_spelled_out() {
        let sentence = sentence(Duration::from_secs(90_061));
        assert_eq!(sentence, "Playbook run took 1 days, 1 hours, 1 minutes, 1 seconds");
    }
}
