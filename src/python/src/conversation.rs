//! One thread talks to the process at a time. While it waits for an answer, the process may ask back, and answering may
//! call another plugin: that is part of the same conversation.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use rplay_template::Engine;
use serde_json::{Value as Json, json};

use crate::PythonError;
use crate::codec::Table;
use crate::process::Process;
use crate::python::Inner;

/// What answers to questions are made of.
#[derive(Default)]
pub(crate) struct Desk {
    pub(crate) table: RefCell<Table>,
    /// The engine of the innermost call.
    pub(crate) engine: RefCell<Option<Engine>>,
    /// Which process asks: its objects are known by it.
    pub(crate) generation: u64,
}

/// What a conversation is about, from the first question to its answer.
pub(crate) struct Talk {
    pub(crate) process: RefCell<Process>,
    pub(crate) desk: Desk,
}

thread_local! {
    /// The conversations of this thread, with whom.
    static TALKS: RefCell<Vec<(usize, Rc<Talk>)>> = const { RefCell::new(Vec::new()) };
}

/// Ends the thread's conversation, whatever happened in it.
struct Ending;

impl Drop for Ending {
    fn drop(&mut self) {
        TALKS.with_borrow_mut(Vec::pop);
    }
}

impl Inner {
    /// Talks to the process: in the conversation this thread is in, or in a new one.
    pub(crate) fn talk<R>(self: &Arc<Self>, work: impl FnOnce(&Talk) -> R) -> Result<R, PythonError> {
        let id = Arc::as_ptr(self) as usize;
        let current = TALKS
            .with_borrow(|talks| talks.iter().rev().find(|(owner, _)| *owner == id).map(|(_, talk)| Rc::clone(talk)));
        if let Some(talk) = current {
            return Ok(work(&talk));
        }
        let mut slot = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let mut process = match slot.take() {
            Some(process) => process,
            None => self.start()?,
        };
        // It may have ended since the last call, in a thread that a plugin left behind.
        if !process.is_alive() {
            process = self.start()?;
        }
        let desk = Desk { generation: process.generation, ..Desk::default() };
        let talk = Rc::new(Talk { process: RefCell::new(process), desk });
        TALKS.with_borrow_mut(|talks| talks.push((id, Rc::clone(&talk))));
        let ending = Ending;
        let result = work(&talk);
        drop(ending);
        if let Some(talk) = Rc::into_inner(talk) {
            let process = talk.process.into_inner();
            if !process.broken {
                *slot = Some(process);
            }
        }
        Ok(result)
    }

    fn start(&self) -> Result<Process, PythonError> {
        let interpreter = self.interpreter().ok_or(PythonError::NoInterpreter)?;
        let mut process = {
            let generation = self.generation.fetch_add(1, Ordering::Relaxed);
            Process::start(&interpreter, self.options.config_file.as_deref(), generation)?
        };
        let roots = self.roots();
        process.send(json!({"op": "hello", "collections": shown(&roots)}).to_string().as_bytes())?;
        let hello = process.receive()?;
        process.collections = roots;
        let (executable, version) = (hello["executable"].as_str(), hello["version"].as_str());
        tracing::debug!(?executable, ?version, "plugins run in a Python process");
        Ok(process)
    }

    /// Asks for something and answers what is asked back, until the answer is there.
    pub(crate) fn exchange(self: &Arc<Self>, talk: &Talk, request: &[u8]) -> Result<Json, PythonError> {
        talk.process.borrow_mut().send(request)?;
        loop {
            let message = talk.process.borrow_mut().receive()?;
            match message["op"].as_str() {
                Some("done" | "raised") => return Ok(message),
                Some("notice") => {
                    self.notice(
                        message["level"].as_str().unwrap_or_default(),
                        message["text"].as_str().unwrap_or_default(),
                    );
                }
                _ => {
                    let answer = self.answer(&talk.desk, &message);
                    talk.process.borrow_mut().send(&answer)?;
                }
            }
        }
    }

    /// Tells the process about folders of collections that it does not know yet.
    pub(crate) fn tell_collections(self: &Arc<Self>, talk: &Talk) -> Result<(), PythonError> {
        let roots = self.roots();
        if talk.process.borrow().collections == roots {
            return Ok(());
        }
        self.exchange(talk, json!({"op": "collections", "folders": shown(&roots)}).to_string().as_bytes())?;
        talk.process.borrow_mut().collections = roots;
        Ok(())
    }
}

fn shown(folders: &[PathBuf]) -> Vec<String> {
    folders.iter().map(|folder| folder.display().to_string()).collect()
}
