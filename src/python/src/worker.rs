//! Plugins that take their time: actions, connections, callbacks. Each runs in a process of its own, forked from one that
//! has their modules imported already, and each process has a socket of its own: none waits for another.
//!
//! A plugin's way: [`Python::worker`] gives the socket's other end and a [`Desk`] for what the plugin asks of templates
//! and variables -> whoever called sends the work as a frame -> the process asks back, any number of times -> its answer.

use std::io::IoSlice;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use rplay_template::{Engine, Scope, TemplateError, py};
use rplay_value::{Map, Value};
use serde_json::{Value as Json, json};

use crate::PythonError;
use crate::codec::{Decoder, Encoder, Place};
use crate::conversation;
use crate::process;
use crate::python::{Inner, Python, lock};

/// How long the process that forks may take to end.
const PATIENCE: Duration = Duration::from_millis(300);

/// The process that forks the others.
pub(crate) struct Forker {
    child: Child,
    control: Option<UnixStream>,
}

impl Forker {
    fn start(interpreter: &Path, config: Option<&Path>) -> Result<Self, PythonError> {
        let failed = |source| PythonError::Start { interpreter: interpreter.to_owned(), source };
        let (control, theirs) = UnixStream::pair().map_err(failed)?;
        let child = Command::new(interpreter)
            .args(["-u", "-B", "-c", process::BOOT, "workers"])
            .envs(config.map(|config| ("ANSIBLE_CONFIG", config)))
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .spawn()
            .map_err(failed)?;
        let mut forker = Self { child, control: Some(control) };
        forker.send(process::modules().as_bytes(), None)?;
        Ok(forker)
    }

    /// Sends a frame, and a socket with it.
    fn send(&mut self, message: &[u8], socket: Option<&UnixStream>) -> Result<(), PythonError> {
        let Some(control) = &self.control else { return Err(gone("has ended")) };
        let frame = frame(message)?;
        let sockets = socket.map(|socket| [socket.as_raw_fd()]);
        let attached: Vec<ControlMessage<'_>> = sockets.iter().map(|fds| ControlMessage::ScmRights(fds)).collect();
        // The socket goes with the first byte that is sent.
        let sent = sendmsg::<()>(control.as_raw_fd(), &[IoSlice::new(&frame)], &attached, MsgFlags::MSG_NOSIGNAL, None);
        let sent = sent.map_err(|error| gone(&format!("does not answer: {error}")))?;
        let mut rest: &UnixStream = control;
        std::io::Write::write_all(&mut rest, &frame[sent..]).map_err(|error| gone(&format!("does not answer: {error}")))
    }

    fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Forker {
    fn drop(&mut self) {
        // The end of its control socket tells it to go.
        self.control = None;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn gone(how: &str) -> PythonError {
    PythonError::Ended { status: how.to_owned(), stderr: String::new() }
}

/// A frame: four bytes of length, big end first, and the message.
pub fn frame(message: &[u8]) -> Result<Vec<u8>, PythonError> {
    let size =
        u32::try_from(message.len()).map_err(|_| PythonError::Garbled("a value is larger than 4 GiB".to_owned()))?;
    let mut frame = Vec::with_capacity(4 + message.len());
    frame.extend_from_slice(&size.to_be_bytes());
    frame.extend_from_slice(message);
    Ok(frame)
}

/// A plugin's file, as a worker is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginFile {
    /// `action`, `connection`, `callback`, ..
    pub kind: &'static str,
    /// The name it is called by: short, or with its collection.
    pub name: String,
    /// Where it is.
    pub file: std::path::PathBuf,
    /// Its collection: `ns.name`.
    pub collection: Option<String>,
}

impl PluginFile {
    /// How requests name it.
    pub fn json(&self) -> Json {
        json!({
            "kind": self.kind,
            "name": self.name,
            "file": self.file.display().to_string(),
            "collection": self.collection,
        })
    }
}

/// Answers what a worker asks of templates, variables and files, and holds what it knows by numbers.
pub struct Desk {
    owner: Arc<Inner>,
    desk: conversation::Desk,
}

impl Desk {
    /// Makes variables known to the worker by a number.
    pub fn scope(&self, scope: Scope) -> usize {
        self.desk.table.borrow_mut().scope(Place { scope, assigned: Arc::from([]) })
    }

    /// The variables of a number.
    pub fn scope_of(&self, number: &Json) -> Option<Scope> {
        let number = usize::try_from(number.as_u64()?).ok()?;
        self.desk.table.borrow().scopes.get(number).map(|place| place.scope.clone())
    }

    /// The frame's content that answers a question about templates, variables or files.
    pub fn answer(&self, message: &Json) -> Vec<u8> {
        self.owner.answer(&self.desk, message)
    }

    /// A value as it is sent.
    pub fn encode(&self, value: &Value) -> Result<String, TemplateError> {
        let mut out = Vec::new();
        Encoder { table: &self.desk.table }.encode(&py::from_value(value.clone()), &mut out)?;
        String::from_utf8(out).map_err(|error| TemplateError::value_error(error.to_string()))
    }

    /// A mapping as it is sent.
    pub fn encode_map(&self, map: &Map) -> Result<String, TemplateError> {
        self.encode(&Value::Map(map.clone()))
    }

    /// A value that was sent. Its text is data, unless it is the very text that the worker was sent as a template.
    pub fn decode(&self, json: &Json) -> Result<Value, PythonError> {
        let table = self.desk.table.borrow();
        let decoder = Decoder { table: &table, generation: self.desk.generation, owner: &self.owner };
        let value = decoder.value(json)?;
        drop(table);
        py::to_value(&value).map_err(|error| PythonError::Garbled(error.message().to_owned()))
    }

    /// A mapping that was sent.
    pub fn decode_map(&self, json: &Json) -> Result<Map, PythonError> {
        match self.decode(json)? {
            Value::Map(map) => Ok(map),
            Value::Null => Ok(Map::new()),
            other => Err(PythonError::Garbled(format!("{} instead of a mapping", other.type_name()))),
        }
    }
}

impl Python {
    /// Answers questions of a worker that is told nothing by numbers.
    pub fn desk(&self, engine: Option<&Engine>) -> Desk {
        let desk = conversation::Desk::default();
        desk.engine.replace(engine.cloned());
        Desk { owner: Arc::clone(&self.0), desk }
    }

    /// A process for a plugin, which has its file imported. The stream carries frames; its end ends the process.
    pub fn worker(&self, preload: &[Json], engine: Option<&Engine>) -> Result<(UnixStream, Desk), PythonError> {
        let inner = &self.0;
        let (ours, theirs) = UnixStream::pair().map_err(|error| gone(&error.to_string()))?;
        let roots: Vec<String> = inner.roots().iter().map(|root| root.display().to_string()).collect();
        let order = json!({
            "plugins": preload,
            "collections": roots,
            "config": inner.options.config_file.as_ref().map(|path| path.display().to_string()),
            "lenient": inner.options.lenient,
        })
        .to_string();
        let mut slot = lock(&inner.forker);
        let running = slot.take().and_then(|mut forker| forker.is_alive().then_some(forker));
        let mut forker = if let Some(forker) = running {
            forker
        } else {
            let interpreter = inner.interpreter().ok_or(PythonError::NoInterpreter)?;
            Forker::start(&interpreter, inner.options.config_file.as_deref())?
        };
        forker.send(order.as_bytes(), Some(&theirs))?;
        *slot = Some(forker);
        Ok((ours, self.desk(engine)))
    }
}
