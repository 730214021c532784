//! This machine without a connection: modules run in this process, on threads of their own.

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc as queue};

use rplay_modules::{Live, Running};
use rplay_protocol::{Call, Reply};
use tokio::sync::oneshot;

use crate::ConnectionError;

type Answer = oneshot::Receiver<Result<Reply, ConnectionError>>;

/// Stops a module that runs in this process.
pub(crate) struct Stop(Arc<Running>);

impl Stop {
    pub(crate) fn stop(&self) {
        self.0.stop(Reply::failure("stopped"));
    }
}

/// Calls that run one after the other on one thread.
pub(crate) struct Lane(queue::Sender<(Arc<Running>, Call)>);

impl Lane {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = queue::channel::<(Arc<Running>, Call)>();
        tokio::task::spawn_blocking(move || {
            for (running, call) in receiver {
                running.run(&call);
            }
        });
        Self(sender)
    }
}

/// Starts a module. Whatever happens to it, there is a reply.
pub(crate) fn start(lane: Option<&Lane>, call: Call, live: Option<Live>) -> (Answer, Stop) {
    let (reply, answer) = oneshot::channel();
    let running = Running::new(move |done| drop(reply.send(Ok(done))));
    if let Some(live) = live {
        running.listen(live);
    }
    let stop = Stop(Arc::clone(&running));
    match lane {
        Some(Lane(queue)) => drop(queue.send((running, call))),
        None => drop(tokio::task::spawn_blocking(move || running.run(&call))),
    }
    (answer, stop)
}

/// A private copy of a file, for a module to move away.
pub(crate) async fn copy(file: &Path) -> std::io::Result<tempfile::TempPath> {
    let file: PathBuf = file.to_owned();
    let copied = tokio::task::spawn_blocking(move || {
        let temporary = tempfile::Builder::new().prefix("rplay-").tempfile()?.into_temp_path();
        std::fs::copy(&file, &temporary)?;
        Ok(temporary)
    });
    copied.await.map_err(std::io::Error::other)?
}
