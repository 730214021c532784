//! One connected host as one user: calls, files, raw commands.

use std::collections::HashSet;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use rplay_modules::Live;
use rplay_protocol::{Call, Hello, PART, Reply, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

use crate::channel::Host;
use crate::local;
use crate::wire::{Answer, Wire};
use crate::{ConnectionError, RawOutput, Spec};

/// A file on the target that was uploaded for one module run. Dropping it removes the file, if it is still there.
pub struct RemotePath {
    path: String,
    owner: Option<(Arc<Wire>, u32)>,
    kept: Option<tempfile::TempPath>,
}

impl RemotePath {
    /// Where it is on the target. It is the module's to move away.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl Drop for RemotePath {
    fn drop(&mut self) {
        if let Some((wire, channel)) = &self.owner {
            wire.tell(*channel, &Request::Forget { path: std::mem::take(&mut self.path) });
        }
        drop(self.kept.take());
    }
}

pub(crate) enum Route {
    /// Modules run in this process.
    Local,
    /// An agent behind a pipe, or a child of it.
    Agent { wire: Arc<Wire>, channel: u32, hello: Hello },
}

/// One connected host as one user. Many calls may be in flight at once.
pub struct Link {
    host: Arc<Host>,
    spec: Spec,
    route: Route,
    /// Parts of modules that the agent has.
    packs: Mutex<HashSet<Arc<str>>>,
}

impl Link {
    pub(crate) fn new(host: Arc<Host>, spec: Spec, route: Route) -> Self {
        Self { host, spec, route, packs: Mutex::default() }
    }

    /// The address, as in the spec.
    pub fn host(&self) -> &str {
        self.host.name()
    }

    /// Whether the next call has a chance. A link that is not alive is replaced by the pool's next `get`.
    pub fn is_alive(&self) -> bool {
        match &self.route {
            Route::Local => true,
            Route::Agent { wire, channel, .. } => wire.reaches(*channel),
        }
    }

    /// What the agent said of itself; `None` for modules that run in this process.
    pub fn hello(&self) -> Option<&Hello> {
        match &self.route {
            Route::Local => None,
            Route::Agent { hello, .. } => Some(hello),
        }
    }

    /// Runs a module and waits for its result.
    pub async fn call(&self, call: Call) -> Result<Reply, ConnectionError> {
        self.start(call).await
    }

    /// Sends a call at once; the result is awaited when it is wanted. Calls started this way run side by side. Dropping
    /// the result stops the module.
    pub fn start(&self, call: Call) -> Pending {
        self.send(None, call, None)
    }

    /// As [`Link::start`], with the output of the module's programs as it comes. `live` is called on other threads; what
    /// it takes its time for holds up the connection.
    pub fn start_live(&self, call: Call, live: Option<Live>) -> Pending {
        self.send(None, call, live)
    }

    /// A queue of calls that run one after the other, in the order they are started, without waiting for the
    /// controller in between: the items of a loop.
    pub fn lane(self: &Arc<Self>) -> Lane {
        let queue = match &self.route {
            Route::Local => Queue::Local(local::Lane::new(self.spec.folder.clone())),
            Route::Agent { wire, .. } => Queue::Agent(wire.id()),
        };
        Lane { link: Arc::clone(self), queue }
    }

    fn send(&self, lane: Option<&Queue>, mut call: Call, live: Option<Live>) -> Pending {
        match (&self.route, lane) {
            (Route::Agent { wire, channel, .. }, lane) => {
                let id = wire.id();
                let lane = if let Some(Queue::Agent(lane)) = lane { *lane } else { id };
                // Held until the frame is queued: a call that relies on a part must not overtake the one that brings it.
                let mut packs = self.packs.lock().unwrap_or_else(PoisonError::into_inner);
                call.attach_packs(&mut packs);
                let body = call.take_body();
                let request = Request::Call { id, lane, live: live.is_some(), call };
                let reply = wire.call(*channel, id, &request, &body, live);
                drop(packs);
                Pending {
                    reply,
                    stop: Stop::Agent { wire: Arc::clone(wire), channel: *channel, id },
                    host: Arc::clone(&self.host),
                }
            }
            (Route::Local, lane) => {
                let lane = if let Some(Queue::Local(lane)) = lane { Some(lane) } else { None };
                let (reply, stop) = local::start(lane, call, live, self.spec.folder.clone());
                Pending { reply, stop: Stop::Local(stop), host: Arc::clone(&self.host) }
            }
        }
    }

    /// Runs a command line through the target's shell without an agent, as the module `raw` does. The user is the one of
    /// the spec, changed by its become.
    pub async fn raw(&self, command: &str, live: Option<&Live>) -> Result<RawOutput, ConnectionError> {
        self.host.raw(command, self.spec.r#become.as_ref(), live).await
    }

    /// Sends a file of this machine in pieces, for files too large for an attachment.
    pub async fn upload(&self, file: &Path) -> Result<RemotePath, ConnectionError> {
        let failed = |error: std::io::Error| file_error(&file.display().to_string(), &error);
        let mut input = tokio::fs::File::open(file).await.map_err(failed)?;
        let Route::Agent { wire, channel, .. } = &self.route else {
            let kept = local::copy(file).await.map_err(failed)?;
            return Ok(RemotePath { path: kept.to_string_lossy().into_owned(), owner: None, kept: Some(kept) });
        };
        let id = wire.id();
        let mut answers = wire.ask(*channel, id, &Request::Upload { id }, &[])?;
        let mut buffer = vec![0; PART];
        let uploaded = loop {
            let read = fill(&mut input, &mut buffer).await;
            match read {
                Ok(length) => wire.part(*channel, id, &buffer[..length], length < PART).await?,
                Err(error) => {
                    // An empty last part ends the upload; the file is thrown away.
                    wire.part(*channel, id, &[], true).await?;
                    if let Some(Ok(Answer::Uploaded(path))) = answers.recv().await {
                        wire.tell(*channel, &Request::Forget { path });
                    }
                    return Err(failed(error));
                }
            }
            // The target may be full: hear it before sending the rest.
            match answers.try_recv() {
                Ok(answer) => break answer,
                Err(_) if matches!(read, Ok(length) if length < PART) => {
                    break answers.recv().await.unwrap_or_else(|| Err(self.lost()));
                }
                Err(_) => {}
            }
        };
        match uploaded? {
            Answer::Uploaded(path) => Ok(RemotePath { path, owner: Some((Arc::clone(wire), *channel)), kept: None }),
            Answer::FileError { error, errno } => {
                Err(ConnectionError::File { path: file.display().to_string(), reason: error, errno: Some(errno) })
            }
            other => Err(self.unexpected(&other)),
        }
    }

    /// Fetches a file of the target into a file of this machine, which appears whole or not at all. Returns its size.
    pub async fn download(&self, path: &str, file: &Path) -> Result<u64, ConnectionError> {
        let failed = |error: std::io::Error| file_error(&file.display().to_string(), &error);
        let folder = file.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (temporary, kept) =
            tempfile::Builder::new().prefix(".rplay-").tempfile_in(folder).map_err(failed)?.into_parts();
        let mut output = tokio::fs::File::from_std(temporary);
        let mut size = 0;
        if let Route::Agent { wire, channel, .. } = &self.route {
            let id = wire.id();
            let mut answers = wire.ask(*channel, id, &Request::Download { id, path: path.to_owned() }, &[])?;
            loop {
                match answers.recv().await.unwrap_or_else(|| Err(self.lost()))? {
                    Answer::Part { bytes, last } => {
                        output.write_all(&bytes).await.map_err(failed)?;
                        size += bytes.len() as u64;
                        if last {
                            break;
                        }
                    }
                    Answer::FileError { error, errno } => {
                        return Err(ConnectionError::File { path: path.to_owned(), reason: error, errno: Some(errno) });
                    }
                    other => return Err(self.unexpected(&other)),
                }
            }
        } else {
            let mut input = tokio::fs::File::open(path).await.map_err(|e| file_error(path, &e))?;
            size = tokio::io::copy(&mut input, &mut output).await.map_err(|e| file_error(path, &e))?;
        }
        output.flush().await.map_err(failed)?;
        kept.persist(file).map_err(|e| failed(e.error))?;
        Ok(size)
    }

    fn lost(&self) -> ConnectionError {
        ConnectionError::Lost { host: self.host().to_owned(), reason: format!("Connection to {} closed", self.host()) }
    }

    fn unexpected(&self, answer: &Answer) -> ConnectionError {
        ConnectionError::Protocol {
            host: self.host().to_owned(),
            reason: format!("{answer:?} in answer to a file transfer"),
        }
    }
}

fn file_error(path: &str, error: &std::io::Error) -> ConnectionError {
    ConnectionError::File { path: path.to_owned(), reason: error.to_string(), errno: error.raw_os_error() }
}

/// Reads until the buffer is full or the file ends.
async fn fill(input: &mut tokio::fs::File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]).await? {
            0 => break,
            n => filled += n,
        }
    }
    Ok(filled)
}

enum Queue {
    Local(local::Lane),
    Agent(u64),
}

/// Calls that run one after the other. See [`Link::lane`].
pub struct Lane {
    link: Arc<Link>,
    queue: Queue,
}

impl Lane {
    /// Sends a call at once; it runs after the ones started before it.
    pub fn start(&self, call: Call, live: Option<Live>) -> Pending {
        self.link.send(Some(&self.queue), call, live)
    }
}

enum Stop {
    Local(local::Stop),
    Agent { wire: Arc<Wire>, channel: u32, id: u64 },
    Done,
}

/// The result of a call that was started. Dropping it stops the module.
#[must_use = "dropping a pending call stops it"]
pub struct Pending {
    reply: oneshot::Receiver<Result<Reply, ConnectionError>>,
    stop: Stop,
    host: Arc<Host>,
}

impl Future for Pending {
    type Output = Result<Reply, ConnectionError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Poll::Ready(reply) = Pin::new(&mut self.reply).poll(cx) else { return Poll::Pending };
        self.stop = Stop::Done;
        let host = self.host.name();
        Poll::Ready(match reply {
            Ok(Err(ConnectionError::Lost { host: unnamed, reason })) if unnamed.is_empty() => {
                Err(ConnectionError::Lost { host: host.to_owned(), reason })
            }
            Ok(reply) => reply,
            Err(_) => {
                Err(ConnectionError::Lost { host: host.to_owned(), reason: format!("Connection to {host} closed") })
            }
        })
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        match &self.stop {
            Stop::Local(stop) => stop.stop(),
            Stop::Agent { wire, channel, id } => {
                wire.forget(*id);
                wire.tell(*channel, &Request::Cancel { id: *id });
            }
            Stop::Done => {}
        }
    }
}
