//! What is asked of a worker by somebody who waits for the answer: inventory plugins, vars plugins, caches.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rplay_template::Engine;
use serde_json::Value as Json;

use crate::PythonError;
use crate::python::{Inner, Python};
use crate::worker::{Desk, frame};

/// A process for plugins, and the conversation with it. Dropping it ends the process.
pub struct Errand {
    owner: Arc<Inner>,
    stream: UnixStream,
    desk: Desk,
}

impl Python {
    /// Starts a process that has these plugins imported.
    pub fn errand(&self, preload: &[Json], engine: &Engine) -> Result<Errand, PythonError> {
        let (stream, desk) = self.worker(preload, Some(engine))?;
        Ok(Errand { owner: Arc::clone(&self.0), stream, desk })
    }
}

impl Errand {
    /// How values go there and come back.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Asks for something and gives the answer's value. Questions about templates and files are answered on the way;
    /// `other` answers the rest with a value as it is sent, or none.
    pub fn ask(
        &mut self,
        request: &str,
        mut other: impl FnMut(&Desk, &Json) -> Option<String>,
    ) -> Result<Json, PythonError> {
        self.send(request.as_bytes())?;
        loop {
            let mut message = self.receive()?;
            match message["op"].as_str().unwrap_or_default() {
                "done" => return Ok(message["value"].take()),
                "raised" => {
                    tracing::debug!(target: "rplay_python", "{}", message["trace"].as_str().unwrap_or_default());
                    return Err(PythonError::Raised {
                        message: message["message"].as_str().unwrap_or_default().to_owned(),
                        missing: message["missing"].as_str().map(str::to_owned),
                    });
                }
                "notice" => {
                    let text = |key: &str| message[key].as_str().unwrap_or_default();
                    self.owner.notice(text("level"), text("text"));
                }
                _ => {
                    let own = other(&self.desk, &message);
                    let own = own.map(|value| format!("{{\"op\":\"answer\",\"value\":{value}}}").into_bytes());
                    let answer = own.unwrap_or_else(|| self.desk.answer(&message));
                    self.send(&answer)?;
                }
            }
        }
    }

    fn send(&mut self, message: &[u8]) -> Result<(), PythonError> {
        let frame = frame(message)?;
        self.stream.write_all(&frame).map_err(|_| ended())
    }

    fn receive(&mut self) -> Result<Json, PythonError> {
        let mut size = [0; 4];
        self.stream.read_exact(&mut size).map_err(|_| ended())?;
        let mut data = vec![0; u32::from_be_bytes(size) as usize];
        self.stream.read_exact(&mut data).map_err(|_| ended())?;
        serde_json::from_slice(&data).map_err(|error| PythonError::Garbled(error.to_string()))
    }
}

fn ended() -> PythonError {
    PythonError::Ended { status: "ended".to_owned(), stderr: String::new() }
}
