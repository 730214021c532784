//! One process that runs a plugin for a task: frames to and from it, and what it says besides.

use rplay_event::{EventKind, Notice};
use rplay_python::{Desk, frame};
use serde_json::Value as Json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::action::ActionCx;
use crate::run::Run;
use crate::trouble::Trouble;

/// A process of its own for a plugin. Dropping it ends the process.
pub(crate) struct Worker {
    stream: UnixStream,
    pub(crate) desk: Desk,
}

impl Worker {
    /// Starts one that has these plugins imported.
    pub(crate) fn start(run: &Run, plugins: &[Json]) -> Result<Self, Trouble> {
        let failed = |error: &dyn std::fmt::Display| {
            Trouble::message(format!("Python plugins cannot be run: {error}"))
                .help("install Python 3 on this machine, or name one in RPLAY_PYTHON")
        };
        let Some(python) = run.resolver().python() else { return Err(failed(&"this run has no Python")) };
        let (stream, desk) = python.worker(plugins, Some(run.engine())).map_err(|error| failed(&error))?;
        stream.set_nonblocking(true).map_err(|error| failed(&error))?;
        let stream = UnixStream::from_std(stream).map_err(|error| failed(&error))?;
        Ok(Self { stream, desk })
    }

    /// Sends one frame.
    pub(crate) async fn send(&mut self, message: &[u8]) -> Result<(), Trouble> {
        let frame = frame(message).map_err(|error| Trouble::message(error.to_string()))?;
        self.stream.write_all(&frame).await.map_err(|_| ended())
    }

    /// Waits for one frame.
    pub(crate) async fn receive(&mut self) -> Result<Json, Trouble> {
        let mut size = [0; 4];
        self.stream.read_exact(&mut size).await.map_err(|_| ended())?;
        let mut data = vec![0; u32::from_be_bytes(size) as usize];
        self.stream.read_exact(&mut data).await.map_err(|_| ended())?;
        serde_json::from_slice(&data)
            .map_err(|error| Trouble::message(format!("a plugin gave no proper answer: {error}")))
    }

    /// Takes a frame that wants no answer of the engine: something for the user, or a question about templates, which is
    /// answered. Gives back any other.
    pub(crate) async fn minor(&mut self, cx: &mut ActionCx<'_>, message: Json) -> Result<Option<Json>, Trouble> {
        match message["op"].as_str().unwrap_or_default() {
            "notice" => {
                let text = message["text"].as_str().unwrap_or_default();
                tell(cx, message["level"].as_str().unwrap_or_default(), text);
                Ok(None)
            }
            "resolve" | "knows" | "variables" | "assigned" | "item" | "has" | "keys" | "plugin" | "plugins"
            | "filter" | "test" | "lookup" | "render" | "yaml" | "read" | "setting" => {
                let answer = self.desk.answer(&message);
                self.send(&answer).await?;
                Ok(None)
            }
            _ => Ok(Some(message)),
        }
    }
}

fn ended() -> Trouble {
    Trouble::message("the Python process of the plugin ended")
        .help("RPLAY_LOG=rplay_python=debug shows what it printed")
}

/// What a plugin says to the user.
fn tell(cx: &mut ActionCx<'_>, level: &str, text: &str) {
    match level {
        "warning" | "error" => cx.warn(text),
        "deprecated" => cx.deprecations.push(Notice::new(text)),
        "info" => cx.run().emit(EventKind::Prompted { text: text.to_owned() }),
        "debug" => tracing::debug!(target: "rplay_python", "{text}"),
        verbose => {
            let level = u8::try_from(verbose.len()).unwrap_or(u8::MAX);
            let host = Some(std::sync::Arc::clone(&cx.task.host));
            cx.run().emit(EventKind::Verbose { level, host, text: text.to_owned() });
        }
    }
}
