//! This machine without a connection: modules run in this process, on threads of their own.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, mpsc as queue};

use nix::sched::{CloneFlags, unshare};
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
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        let (sender, receiver) = queue::channel::<(Arc<Running>, Call)>();
        tokio::task::spawn_blocking(move || {
            let _inside = folder.as_deref().map(Inside::enter);
            for (running, call) in receiver {
                running.run(&call);
            }
        });
        Self(sender)
    }
}

/// Starts a module. Whatever happens to it, there is a reply.
pub(crate) fn start(lane: Option<&Lane>, call: Call, live: Option<Live>, folder: Option<PathBuf>) -> (Answer, Stop) {
    let (reply, answer) = oneshot::channel();
    let running = Running::new(move |done| drop(reply.send(Ok(done))));
    if let Some(live) = live {
        running.listen(live);
    }
    let stop = Stop(Arc::clone(&running));
    match lane {
        Some(Lane(queue)) => drop(queue.send((running, call))),
        None => drop(tokio::task::spawn_blocking(move || {
            let _inside = folder.as_deref().map(Inside::enter);
            running.run(&call);
        })),
    }
    (answer, stop)
}

/// Whether threads may have a working folder of their own. Some containers forbid it.
pub(crate) fn folders_are_own() -> bool {
    static ALLOWED: OnceLock<bool> = OnceLock::new();
    *ALLOWED.get_or_init(|| std::thread::spawn(|| unshare(CloneFlags::CLONE_FS).is_ok()).join().unwrap_or(false))
}

/// While it lives, relative paths of this thread, and of what it starts, are those of a folder: as with ansible-core,
/// modules on this machine run in the playbook's. The rest of the process stays where it is.
struct Inside {
    before: Option<PathBuf>,
}

impl Inside {
    fn enter(folder: &Path) -> Self {
        let own = unshare(CloneFlags::CLONE_FS).is_ok();
        let before = std::env::current_dir().ok().filter(|_| own);
        if before.is_some() {
            // A folder that went away: modules say so themselves when it matters.
            let _ = std::env::set_current_dir(folder);
        }
        Self { before }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // The thread is one of a pool: others use it next.
            let _ = std::env::set_current_dir(before);
        }
    }
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
