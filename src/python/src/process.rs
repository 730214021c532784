//! The Python process: starting it, frames to and from it, how it ended.

use std::collections::VecDeque;
use std::io::{self, BufReader, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Map, Value as Json};

use crate::PythonError;

include!(concat!(env!("OUT_DIR"), "/modules.rs"));

/// What `python3 -c` runs.
pub(crate) const BOOT: &str = include_str!("../sidecar/boot.py");
/// As many of the last lines on standard error are kept.
const KEPT_LINES: usize = 20;
/// As long a process that was told to end may take.
const PATIENCE: Duration = Duration::from_millis(300);

/// The sidecar's modules, as its first frame.
pub(crate) fn modules() -> String {
    let modules: Map<String, Json> =
        MODULES.iter().map(|(name, text)| ((*name).to_owned(), Json::from(*text))).collect();
    Json::Object(modules).to_string()
}

/// A running sidecar. Ends with its value.
pub(crate) struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    stderr: Arc<Mutex<VecDeque<String>>>,
    /// Reads standard error until its end.
    reader: JoinHandle<()>,
    /// Which process of the run this is: its objects are known by it.
    pub(crate) generation: u64,
    /// Folders of collections it was told.
    pub(crate) collections: Vec<PathBuf>,
    /// Set once it did not answer.
    pub(crate) broken: bool,
}

impl Process {
    /// Starts an interpreter and gives it the sidecar's modules. An ansible-core that is installed for it reads the same
    /// config file.
    pub(crate) fn start(interpreter: &Path, config: Option<&Path>, generation: u64) -> Result<Self, PythonError> {
        let failed = |source| PythonError::Start { interpreter: interpreter.to_owned(), source };
        let mut child = Command::new(interpreter)
            .args(["-u", "-B", "-c", BOOT])
            .envs(config.map(|config| ("ANSIBLE_CONFIG", config)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let (Some(input), Some(output), Some(errors)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(failed(io::Error::other("it has no pipes")));
        };
        let stderr = Arc::new(Mutex::new(VecDeque::new()));
        let lines = Arc::clone(&stderr);
        let reader = std::thread::Builder::new()
            .name("python-stderr".to_owned())
            .spawn(move || keep_lines(BufReader::new(errors), &lines))
            .map_err(failed)?;
        let output = BufReader::with_capacity(64 * 1024, output);
        let mut process = Self {
            child,
            input: Some(input),
            output,
            stderr,
            reader,
            generation,
            collections: Vec::new(),
            broken: false,
        };
        process.send(modules().as_bytes())?;
        Ok(process)
    }

    /// Whether it can be asked.
    pub(crate) fn is_alive(&mut self) -> bool {
        !self.broken && matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends one frame.
    pub(crate) fn send(&mut self, message: &[u8]) -> Result<(), PythonError> {
        let Some(input) = &mut self.input else { return Err(self.ended()) };
        let size = u32::try_from(message.len())
            .map_err(|_| PythonError::Garbled("a value is larger than 4 GiB".to_owned()))?;
        let written =
            input.write_all(&size.to_be_bytes()).and_then(|()| input.write_all(message)).and_then(|()| input.flush());
        written.map_err(|_| self.ended())
    }

    /// Waits for one frame.
    pub(crate) fn receive(&mut self) -> Result<Json, PythonError> {
        let mut size = [0; 4];
        if self.output.read_exact(&mut size).is_err() {
            return Err(self.ended());
        }
        let mut data = vec![0; u32::from_be_bytes(size) as usize];
        if self.output.read_exact(&mut data).is_err() {
            return Err(self.ended());
        }
        serde_json::from_slice(&data).map_err(|error| {
            self.broken = true;
            PythonError::Garbled(error.to_string())
        })
    }

    /// How the process ended, which it did.
    fn ended(&mut self) -> PythonError {
        self.broken = true;
        self.input = None;
        let status = wait(&mut self.child);
        // The thread that reads standard error may be a moment behind, and a child of the process may keep it open.
        let until = Instant::now() + PATIENCE;
        while !self.reader.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
        let lines = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        PythonError::Ended {
            status: status.map_or_else(|| "does not answer".to_owned(), describe),
            stderr: lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The end of its input tells it to go; a plugin that is still running does not hear that.
        self.input = None;
        _ = wait(&mut self.child);
    }
}

/// Waits a little for the process, and kills it then.
fn wait(child: &mut Child) -> Option<ExitStatus> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    _ = child.kill();
    child.wait().ok()
}

fn describe(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("was killed by signal {signal}"),
        (_, Some(code)) => format!("ended with exit status {code}"),
        _ => "ended".to_owned(),
    }
}

/// Keeps the last lines that plugins print, for when the process ends badly; all of them are debug messages.
fn keep_lines(mut errors: impl io::BufRead, lines: &Mutex<VecDeque<String>>) {
    let mut line = Vec::new();
    while errors.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        line.clear();
        tracing::debug!(target: "rplay_python", "{text}");
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(text);
    }
}
