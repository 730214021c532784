//! The controller's end of the pipe to an agent: many calls in flight, each answered to whoever asked.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rplay_modules::Live;
use rplay_protocol::{Hello, PROTOCOL, Refusal, Reply, Request, Response, frame};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::{AgentError, ConnectionError};

/// How many parts of files may wait to be written, over all uploads of one connection.
const PARTS_IN_FLIGHT: usize = 8;

/// An answer that is not a module's.
#[derive(Debug)]
pub(crate) enum Answer {
    /// See [`Response::Became`].
    Became(Hello),
    /// See [`Response::Refused`].
    Refused(Refusal),
    /// See [`Response::Uploaded`].
    Uploaded(String),
    /// See [`Response::Part`].
    Part { bytes: Vec<u8>, last: bool },
    /// See [`Response::FileError`].
    FileError { error: String, errno: i32 },
}

type Outcome<T> = Result<T, ConnectionError>;

enum Waiter {
    Call { reply: oneshot::Sender<Outcome<Reply>>, live: Option<Live> },
    Other(mpsc::UnboundedSender<Outcome<Answer>>),
}

#[derive(Default)]
struct Pending {
    waiters: HashMap<u64, (u32, Waiter)>,
    /// Child agents that have ended.
    gone: HashSet<u32>,
    /// Why nothing will be answered any more.
    over: Option<ConnectionError>,
}

/// What is to be written; a part of a file gives its permit back once it is.
struct Outgoing {
    bytes: Vec<u8>,
    permit: Option<OwnedSemaphorePermit>,
}

/// One pipe to one agent, with the child agents behind it.
pub(crate) struct Wire {
    host: Arc<str>,
    outgoing: Mutex<Option<mpsc::UnboundedSender<Outgoing>>>,
    pending: Arc<Mutex<Pending>>,
    parts: Arc<Semaphore>,
    next: AtomicU64,
    next_channel: AtomicU32,
    closing: Arc<AtomicBool>,
    ended: Mutex<Option<oneshot::Receiver<()>>>,
    hello: Hello,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wire {
    /// Takes over a pipe whose agent has printed its mark, and reads its hello. `why` tells, once the pipe has ended,
    /// what the transport said about it.
    pub(crate) async fn open<I, O, W>(host: Arc<str>, mut input: BufReader<I>, output: O, why: W) -> Outcome<Self>
    where
        I: AsyncRead + Unpin + Send + 'static,
        O: AsyncWrite + Unpin + Send + 'static,
        W: Future<Output = String> + Send + 'static,
    {
        let protocol = |reason: String| ConnectionError::Protocol { host: host.to_string(), reason };
        let first = read(&mut input).await.map_err(|e| protocol(e.to_string()))?;
        let first = first.ok_or_else(|| protocol("end of output before its first message".to_owned()))?;
        let hello = match first.message::<Response>() {
            Ok(Response::Hello(hello)) => hello,
            other => return Err(protocol(format!("{other:?} instead of its first message"))),
        };
        if hello.protocol != PROTOCOL {
            let error = AgentError::Version { theirs: hello.protocol, ours: PROTOCOL };
            return Err(ConnectionError::Agent { host: host.to_string(), error });
        }
        let (outgoing, queue) = mpsc::unbounded_channel();
        let (done, ended) = oneshot::channel();
        let wire = Self {
            host,
            outgoing: Mutex::new(Some(outgoing)),
            pending: Arc::default(),
            parts: Arc::new(Semaphore::new(PARTS_IN_FLIGHT)),
            next: AtomicU64::new(1),
            next_channel: AtomicU32::new(1),
            closing: Arc::default(),
            ended: Mutex::new(Some(ended)),
            hello,
        };
        tokio::spawn(send(queue, output));
        let (pending, host, closing) = (Arc::clone(&wire.pending), Arc::clone(&wire.host), Arc::clone(&wire.closing));
        tokio::spawn(async move {
            let broken = receive(&mut input, &pending).await;
            let said = if closing.load(Relaxed) { String::new() } else { why.await };
            let reason = match (broken, said.trim()) {
                (Some(error), _) => error,
                (None, "") => format!("Connection to {host} closed"),
                (None, said) => said.to_owned(),
            };
            let error = ConnectionError::Lost { host: host.to_string(), reason };
            tracing::debug!(%host, %error, "agent's pipe ended");
            let mut pending = locked(&pending);
            pending.over = Some(error.clone());
            for (_, (_, waiter)) in pending.waiters.drain() {
                waiter.fail(&error);
            }
            drop(pending);
            let _ = done.send(());
        });
        Ok(wire)
    }

    /// What the agent said of itself.
    pub(crate) fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Whether calls can still be answered.
    pub(crate) fn is_alive(&self) -> bool {
        locked(&self.pending).over.is_none()
    }

    /// Whether the agent of a channel can still answer.
    pub(crate) fn reaches(&self, channel: u32) -> bool {
        let pending = locked(&self.pending);
        pending.over.is_none() && !pending.gone.contains(&channel)
    }

    /// A number no other request of this pipe has.
    pub(crate) fn id(&self) -> u64 {
        self.next.fetch_add(1, Relaxed)
    }

    /// A number for a new child agent.
    pub(crate) fn channel(&self) -> u32 {
        self.next_channel.fetch_add(1, Relaxed)
    }

    fn expect(&self, id: u64, channel: u32, waiter: Waiter) {
        let mut pending = locked(&self.pending);
        let gone = pending.gone.contains(&channel).then(ended_child);
        match pending.over.clone().or(gone) {
            Some(error) => waiter.fail(&error),
            None => drop(pending.waiters.insert(id, (channel, waiter))),
        }
    }

    fn send(&self, bytes: Vec<u8>, permit: Option<OwnedSemaphorePermit>) {
        // When the writer is gone, the reader is about to find out and to answer everybody.
        if let Some(outgoing) = &*locked(&self.outgoing) {
            let _ = outgoing.send(Outgoing { bytes, permit });
        }
    }

    fn request(&self, channel: u32, request: &Request, body: &[u8]) -> Outcome<Vec<u8>> {
        frame::encode(channel, request, body).map_err(|e| ConnectionError::Protocol {
            host: self.host.to_string(),
            reason: format!("could not encode a request: {e}"),
        })
    }

    /// Sends a call; its reply comes on the receiver.
    pub(crate) fn call(
        &self,
        channel: u32,
        id: u64,
        request: &Request,
        body: &[u8],
        live: Option<Live>,
    ) -> oneshot::Receiver<Outcome<Reply>> {
        let (reply, receiver) = oneshot::channel();
        match self.request(channel, request, body) {
            Ok(bytes) => {
                self.expect(id, channel, Waiter::Call { reply, live });
                self.send(bytes, None);
            }
            Err(error) => drop(reply.send(Err(error))),
        }
        receiver
    }

    /// Sends a request that is not a call; its answers come on the receiver.
    pub(crate) fn ask(
        &self,
        channel: u32,
        id: u64,
        request: &Request,
        body: &[u8],
    ) -> Outcome<mpsc::UnboundedReceiver<Outcome<Answer>>> {
        let bytes = self.request(channel, request, body)?;
        let (answers, receiver) = mpsc::unbounded_channel();
        self.expect(id, channel, Waiter::Other(answers));
        self.send(bytes, None);
        Ok(receiver)
    }

    /// Nobody waits for this id any more.
    pub(crate) fn forget(&self, id: u64) {
        locked(&self.pending).waiters.remove(&id);
    }

    /// Sends a request nobody answers.
    pub(crate) fn tell(&self, channel: u32, request: &Request) {
        if let Ok(bytes) = self.request(channel, request, &[]) {
            self.send(bytes, None);
        }
    }

    /// Sends a part of a file, once the ones before it are on their way.
    pub(crate) async fn part(&self, channel: u32, id: u64, bytes: &[u8], last: bool) -> Outcome<()> {
        let permit = Arc::clone(&self.parts).acquire_owned().await.ok();
        let bytes = self.request(channel, &Request::Part { id, last }, bytes)?;
        self.send(bytes, permit);
        Ok(())
    }

    /// Ends the agent and waits until its pipe has ended.
    pub(crate) async fn close(&self) {
        self.closing.store(true, Relaxed);
        self.tell(frame::DIRECT, &Request::Bye);
        locked(&self.outgoing).take();
        let ended = locked(&self.ended).take();
        if let Some(ended) = ended {
            let _ = ended.await;
        }
    }
}

impl Waiter {
    fn fail(self, error: &ConnectionError) {
        match self {
            Self::Call { reply, .. } => drop(reply.send(Err(error.clone()))),
            Self::Other(answers) => drop(answers.send(Err(error.clone()))),
        }
    }
}

/// Writes what is queued; what waits together is written together. Ends, and with it the pipe, when the queue does.
async fn send(mut queue: mpsc::UnboundedReceiver<Outgoing>, mut output: impl AsyncWrite + Unpin) {
    const BATCH: usize = 64 << 10;
    while let Some(Outgoing { mut bytes, permit }) = queue.recv().await {
        let mut permits = vec![permit];
        while bytes.len() < BATCH {
            let Ok(mut next) = queue.try_recv() else { break };
            bytes.append(&mut next.bytes);
            permits.push(next.permit);
        }
        if output.write_all(&bytes).await.is_err() || output.flush().await.is_err() {
            return;
        }
    }
    let _ = output.shutdown().await;
}

/// Hands out what arrives, until the pipe ends. `Some` when the agent spoke nonsense.
async fn receive(input: &mut (impl AsyncRead + Unpin), pending: &Mutex<Pending>) -> Option<String> {
    loop {
        let frame = match read(input).await {
            Ok(Some(frame)) => frame,
            Ok(None) | Err(frame::FrameError::Io(_)) => return None,
            Err(error) => return Some(error.to_string()),
        };
        let response = match frame.message::<Response>() {
            Ok(response) => response,
            Err(error) => return Some(error.to_string()),
        };
        match response {
            Response::Hello(_) => return Some("a second hello".to_owned()),
            Response::Reply { id, reply } => {
                if let Some((_, Waiter::Call { reply: to, .. })) = locked(pending).waiters.remove(&id) {
                    let _ = to.send(Ok(reply));
                }
            }
            Response::Output { id, lines } => {
                let live = match locked(pending).waiters.get(&id) {
                    Some((_, Waiter::Call { live: Some(live), .. })) => Arc::clone(live),
                    _ => continue,
                };
                live(lines);
            }
            Response::Became { id, hello } => answer(pending, id, Answer::Became(hello), true),
            Response::Refused { id, refusal } => answer(pending, id, Answer::Refused(refusal), true),
            Response::Uploaded { id, path } => answer(pending, id, Answer::Uploaded(path), true),
            Response::Part { id, last } => answer(pending, id, Answer::Part { bytes: frame.body, last }, last),
            Response::FileError { id, error, errno } => answer(pending, id, Answer::FileError { error, errno }, true),
            Response::Gone => gone(pending, frame.channel),
        }
    }
}

fn answer(pending: &Mutex<Pending>, id: u64, answer: Answer, last: bool) {
    let mut pending = locked(pending);
    if let Some((_, Waiter::Other(to))) = pending.waiters.get(&id) {
        let _ = to.send(Ok(answer));
    }
    if last {
        pending.waiters.remove(&id);
    }
}

/// A child agent has ended: whoever waits for it waits in vain.
fn gone(pending: &Mutex<Pending>, channel: u32) {
    let mut pending = locked(pending);
    let ids: Vec<u64> = pending.waiters.iter().filter(|(_, (c, _))| *c == channel).map(|(id, _)| *id).collect();
    pending.gone.insert(channel);
    let error = ended_child();
    for id in ids {
        if let Some((_, waiter)) = pending.waiters.remove(&id) {
            waiter.fail(&error);
        }
    }
}

/// The host's name is filled in by whoever waits.
fn ended_child() -> ConnectionError {
    ConnectionError::Lost { host: String::new(), reason: "the agent running as another user has ended".to_owned() }
}

/// Reads one frame; `None` at the end of the stream.
async fn read(input: &mut (impl AsyncRead + Unpin)) -> Result<Option<frame::Frame>, frame::FrameError> {
    let mut prefix: frame::Prefix = [0; 12];
    match input.read_exact(&mut prefix).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let (header, body, channel) = frame::parts(prefix)?;
    let mut frame = frame::Frame { channel, header: Vec::new(), body: Vec::new() };
    read_bytes(input, &mut frame.header, header).await?;
    read_bytes(input, &mut frame.body, body).await?;
    Ok(Some(frame))
}

/// Memory grows with what arrives, so a corrupt length costs nothing.
async fn read_bytes(input: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>, length: usize) -> io::Result<()> {
    bytes.reserve(length.min(1 << 20));
    if input.take(length as u64).read_to_end(bytes).await? < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

/// Reads lines until one starts with one of these; the others are what a login shell printed. `None` at the end.
pub(crate) async fn find_mark(
    input: &mut (impl AsyncBufReadExt + Unpin),
    marks: &[&str],
) -> io::Result<Option<String>> {
    /// A line longer than this is no shell's greeting.
    const LONGEST: u64 = 64 << 10;
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut *input).take(LONGEST).read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&line);
        // A greeting without a line break may stand before the mark.
        if let Some(start) = marks.iter().filter_map(|mark| text.find(mark)).min() {
            return Ok(Some(text[start..].trim_end().to_owned()));
        }
        tracing::debug!(line = %text.trim_end(), "skipped output before the agent's mark");
    }
}
