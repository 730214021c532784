//! ansible-core's `tree` callback: each host's last result in a file of its name (`ansible -t FOLDER`).

use std::io;
use std::path::PathBuf;

use rplay_event::{Event, EventKind, Notice, Outcome, Sink};

use crate::dump;
use crate::screen::Screen;
use crate::terminal::{Look, Terminal};

/// The sink.
pub struct Tree {
    folder: PathBuf,
    screen: Screen,
}

impl Tree {
    /// A sink that writes below this folder, which is made when the first host has a result. What cannot be written is
    /// a warning on the terminal.
    pub fn new(folder: PathBuf, terminal: Terminal, look: Look) -> Self {
        Self { folder, screen: Screen::new(terminal, look) }
    }

    fn write(&mut self, host: &str, text: &str) -> io::Result<()> {
        if let Err(error) = fs_err::create_dir_all(&self.folder) {
            let message = format!("Unable to access or create the configured directory: {error}");
            self.screen.warned(&Notice::new(message))?;
        }
        if let Err(error) = fs_err::write(self.folder.join(host), text) {
            self.screen.warned(&Notice::new(format!("Unable to write to '{host}'s file: {error}")))?;
        }
        Ok(())
    }
}

impl Sink for Tree {
    fn on_event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::HostFinished { host, outcome, result, .. } if *outcome != Outcome::Skipped => {
                self.write(host, &dump::result(&result.data, result.verbose_always, &self.screen.look))
            }
            _ => Ok(()),
        }
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.screen.terminal.flush()
    }
}
