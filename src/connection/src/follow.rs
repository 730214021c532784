//! Reading a command's output while somebody follows it.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rplay_modules::{Lines, Live};
use rplay_protocol::OutputLine;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::channel::find;

/// How often lines that have not ended are looked at.
const TICK: Duration = Duration::from_millis(500);

/// Who follows one command, if anybody does.
pub(crate) struct Follow<'a>(Option<(&'a Live, Mutex<Lines>)>);

impl<'a> Follow<'a> {
    pub(crate) fn new(live: Option<&'a Live>) -> Self {
        Self(live.map(|live| (live, Mutex::new(Lines::new([].into(), Instant::now())))))
    }

    /// Waits for the command, and shows what is due meanwhile and what is left at the end.
    pub(crate) async fn during<T>(&self, command: impl Future<Output = T>) -> T {
        if self.0.is_none() {
            return command.await;
        }
        let mut command = std::pin::pin!(command);
        loop {
            if let Ok(ended) = tokio::time::timeout(TICK, &mut command).await {
                self.send(Lines::end);
                return ended;
            }
            self.send(|lines| lines.tick(Instant::now()));
        }
    }

    /// Reads one stream to its end. What comes up to and with `begin` is read and not shown.
    pub(crate) async fn read(
        &self,
        input: &mut (impl AsyncRead + Unpin),
        into: &mut Vec<u8>,
        stderr: bool,
        begin: Option<&str>,
    ) -> io::Result<()> {
        // Where what is shown next begins.
        let mut next = begin.is_none().then_some(0);
        loop {
            if let (None, Some(begin)) = (next, begin) {
                next = find(into, begin.as_bytes()).map(|at| at + begin.len());
            }
            if let Some(next) = next.as_mut().filter(|next| **next < into.len()) {
                self.send(|lines| lines.push(stderr, &into[*next..], Instant::now()));
                *next = into.len();
            }
            if input.read_buf(into).await? == 0 {
                return Ok(());
            }
        }
    }

    fn send(&self, next: impl FnOnce(&mut Lines) -> Vec<OutputLine>) {
        if let Some((live, lines)) = &self.0 {
            let shown = next(&mut lines.lock().unwrap_or_else(PoisonError::into_inner));
            if !shown.is_empty() {
                live(shown);
            }
        }
    }
}
