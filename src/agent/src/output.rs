//! The one writer of standard output.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};

use rplay_protocol::{Response, frame};

/// Standard output, a frame at a time. Clones write to the same pipe.
#[derive(Clone)]
pub(crate) struct Output(Arc<Mutex<File>>);

impl Output {
    /// Takes standard output. Not through std's `Stdout`, which would look for line ends in every frame.
    pub(crate) fn take() -> io::Result<Self> {
        let out = io::stdout().as_fd().try_clone_to_owned()?;
        Ok(Self(Arc::new(Mutex::new(File::from(out)))))
    }

    /// Writes raw bytes before the first frame.
    pub(crate) fn mark(&self, line: &str) -> io::Result<()> {
        self.locked(|out| writeln!(out, "{line}"))
    }

    fn locked<T>(&self, write: impl FnOnce(&mut File) -> T) -> T {
        write(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends a response. A controller that is gone is noticed where its requests are read.
    pub(crate) fn send(&self, response: &Response, body: &[u8]) {
        self.send_from(frame::DIRECT, response, body);
    }

    /// Sends a response about, or in the name of, a child agent.
    pub(crate) fn send_from(&self, channel: u32, response: &Response, body: &[u8]) {
        if let Ok(bytes) = frame::encode(channel, response, body) {
            let _ = self.locked(|out| out.write_all(&bytes));
        }
    }

    /// Passes on a child agent's frame.
    pub(crate) fn forward(&self, channel: u32, frame: &frame::Frame) {
        let _ = self.locked(|out| frame.forward(out, channel));
    }
}

/// Says on standard error why the agent ends.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "rplay-agent: {text}");
}
