//! From many emitters to every sink, in one order.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::{Event, EventKind, Sink};

/// How many events may wait for slow sinks before emitters wait too.
const CAPACITY: usize = 4096;

enum Message {
    Event(Box<EventKind>),
    /// Answered once everything before it has reached every sink.
    Flush(SyncSender<()>),
}

/// Where events are put in. Cloning is cheap; the stream ends when the last one is gone.
#[derive(Clone)]
pub struct Emitter {
    queue: Option<SyncSender<Message>>,
    /// Tasks wait for a sink when they begin.
    holds: bool,
}

impl Emitter {
    /// An emitter that nobody listens to.
    pub fn silent() -> Self {
        Self { queue: None, holds: false }
    }

    /// Puts an event into the stream. Waits when sinks are thousands of events behind, and where a task begins that a
    /// sink holds ([`Sink::holds_tasks`]).
    pub fn emit(&self, kind: EventKind) {
        if let Some(queue) = &self.queue {
            let held = self.holds && matches!(kind, EventKind::TaskStarted(_));
            // The dispatcher lives until the last emitter is gone; a lost event means its thread has ended already.
            let _ = queue.send(Message::Event(Box::new(kind)));
            if held {
                self.flush();
            }
        }
    }

    /// Waits until every sink has seen everything emitted so far: before a question is asked on the terminal.
    pub fn flush(&self) {
        if let Some(queue) = &self.queue {
            let (done, wait) = sync_channel(1);
            if queue.send(Message::Flush(done)).is_ok() {
                let _ = wait.recv();
            }
        }
    }
}

/// The thread that numbers events and hands them to the sinks.
pub struct Dispatcher {
    thread: JoinHandle<Vec<io::Error>>,
}

impl Dispatcher {
    /// Starts the thread with these sinks.
    pub fn start(sinks: Vec<Box<dyn Sink>>) -> (Emitter, Self) {
        let (queue, events) = sync_channel(CAPACITY);
        let holds = sinks.iter().any(|sink| sink.holds_tasks());
        let thread = std::thread::spawn(move || dispatch(&events, sinks));
        (Emitter { queue: Some(queue), holds }, Self { thread })
    }

    /// Waits for the end of the stream, which comes when the last [`Emitter`] is dropped, and returns what went wrong
    /// in sinks. A sink that failed got no further events.
    pub fn finish(self) -> Vec<io::Error> {
        self.thread.join().unwrap_or_else(|_| vec![io::Error::other("an output ended unexpectedly")])
    }
}

fn dispatch(queue: &Receiver<Message>, mut sinks: Vec<Box<dyn Sink>>) -> Vec<io::Error> {
    let start = Instant::now();
    let mut errors = Vec::new();
    let mut seq = 0;
    while let Ok(message) = queue.recv() {
        match message {
            Message::Event(kind) => {
                seq += 1;
                let event = Event { seq, at: jiff::Timestamp::now(), elapsed: start.elapsed(), kind: *kind };
                sinks.retain_mut(|sink| match sink.on_event(&event) {
                    Ok(()) => true,
                    Err(error) => {
                        errors.push(error);
                        false
                    }
                });
            }
            Message::Flush(done) => {
                let _ = done.send(());
            }
        }
    }
    for sink in sinks {
        errors.extend(sink.finish().err());
    }
    errors
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    struct Collect(Arc<Mutex<Vec<u64>>>, Option<u64>);

    impl Sink for Collect {
        fn on_event(&mut self, event: &Event) -> io::Result<()> {
            if self.1 == Some(event.seq) {
                return Err(io::Error::other("full"));
            }
            self.0.lock().unwrap().push(event.seq);
            Ok(())
        }
    }

    #[test]
    fn every_sink_sees_every_event_in_order_and_a_broken_one_stops_alone() {
        let (good, bad) = (Arc::default(), Arc::default());
        let (emitter, dispatcher) = Dispatcher::start(vec![
            Box::new(Collect(Arc::clone(&good), None)),
            Box::new(Collect(Arc::clone(&bad), Some(2))),
        ]);
        for _ in 0..3 {
            emitter.emit(EventKind::NoHostsMatched);
        }
        emitter.flush();
        assert_eq!(*good.lock().unwrap(), [1, 2, 3]);
        drop(emitter);
        let errors = dispatcher.finish();
        assert_eq!(errors.len(), 1);
        assert_eq!(*bad.lock().unwrap(), [1]);
    }
}
