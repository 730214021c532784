//! Agents that run as other users: started here, reached through here.

use std::collections::HashMap;
use std::io::{BufReader, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rplay_protocol::frame::{self, Frame};
use rplay_protocol::{Become, Response};

use crate::escalate::{self, Started};
use crate::output::Output;

type Input = Arc<Mutex<Box<dyn Write + Send>>>;

#[derive(Default)]
struct State {
    /// Where frames for a channel go.
    inputs: HashMap<u32, Input>,
    /// Threads that start or serve a child.
    alive: usize,
    ending: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The child agents, by channel.
pub(crate) struct Children {
    shared: Arc<Shared>,
    out: Output,
}

/// Children that were told to end.
pub(crate) struct Ending(Arc<Shared>);

impl Ending {
    /// Waits for them, but no longer than until then.
    pub(crate) fn wait(self, deadline: Instant) {
        let mut state = self.0.state();
        while state.alive > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.0.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Children {
    /// No children yet.
    pub(crate) fn new(out: Output) -> Self {
        Self { shared: Arc::default(), out }
    }

    /// Starts one and answers for it, on a thread that then serves it.
    pub(crate) fn start(&self, id: u64, channel: u32, how: Become, password: Option<String>, limit: Duration) {
        let (shared, out) = (Arc::clone(&self.shared), self.out.clone());
        shared.state().alive += 1;
        std::thread::spawn(move || {
            match escalate::start(&how, password.as_deref(), limit) {
                Ok(started) => serve(&shared, &out, id, channel, started),
                Err(refusal) => out.send(&Response::Refused { id, refusal }, &[]),
            }
            shared.state().alive -= 1;
            shared.changed.notify_all();
        });
    }

    /// Passes on a frame. One for a child that has ended is dropped: its end was reported.
    pub(crate) fn forward(&self, frame: &Frame) {
        let input = self.shared.state().inputs.get(&frame.channel).cloned();
        if let Some(input) = input {
            let _ = frame.forward(&mut *input.lock().unwrap_or_else(PoisonError::into_inner), frame::DIRECT);
        }
    }

    /// Ends their input; they end by themselves.
    pub(crate) fn end(&self) -> Ending {
        let mut state = self.shared.state();
        state.ending = true;
        state.inputs.clear();
        drop(state);
        Ending(Arc::clone(&self.shared))
    }
}

/// Passes on everything a child says, until it ends.
fn serve(shared: &Shared, out: &Output, id: u64, channel: u32, started: Started) {
    let Started { hello, input, output, mut process } = started;
    {
        let mut state = shared.state();
        if !state.ending {
            state.inputs.insert(channel, Arc::new(Mutex::new(input)));
        }
    }
    out.send(&Response::Became { id, hello }, &[]);
    let mut output: BufReader<_> = output;
    while let Ok(Some(frame)) = frame::read(&mut output) {
        out.forward(channel, &frame);
    }
    shared.state().inputs.remove(&channel);
    let _ = process.wait();
    out.send_from(channel, &Response::Gone, &[]);
}
