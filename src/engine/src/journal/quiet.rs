//! What outputs see of a run that goes on: only what happens now, with the banners it belongs to.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rplay_event::{Emitter, EventKind, TaskId};

/// Holds banners back until something happens under them.
#[derive(Default)]
pub(crate) struct Quiet(Mutex<Held>);

#[derive(Default)]
struct Held {
    muted: bool,
    play: Option<EventKind>,
    tasks: HashMap<TaskId, EventKind>,
}

impl Quiet {
    /// Whether what comes now has been shown before.
    pub(crate) fn mute(&self, muted: bool) -> bool {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut held.muted, muted)
    }

    pub(crate) fn emit(&self, kind: EventKind, emitter: &Emitter) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let task = match &kind {
            EventKind::PlayStarted(_) => {
                held.play = Some(kind);
                held.tasks.clear();
                return;
            }
            EventKind::TaskStarted(info) => {
                let id = info.id;
                if !held.muted {
                    held.tasks.insert(id, kind);
                }
                return;
            }
            // These belong to the run, not to what is replayed.
            EventKind::RunStarted(_)
            | EventKind::PlaybookStarted { .. }
            | EventKind::Warned(_)
            | EventKind::Deprecated(_)
            | EventKind::Failed(_)
            | EventKind::Recap(_)
            | EventKind::RunFinished { .. } => return emitter.emit(kind),
            _ if held.muted => return,
            EventKind::HostStarted { task, .. }
            | EventKind::ItemFinished { task, .. }
            | EventKind::Retried { task, .. }
            | EventKind::HostFinished { task, .. }
            | EventKind::Diff { task, .. }
            | EventKind::Included { task, .. }
            | EventKind::AsyncPolled { task, .. }
            | EventKind::AsyncFinished { task, .. }
            | EventKind::OutputLine { task, .. } => Some(*task),
            _ => None,
        };
        if let Some(play) = held.play.take() {
            emitter.emit(play);
        }
        if let Some(banner) = task.and_then(|task| held.tasks.remove(&task)) {
            emitter.emit(banner);
        }
        emitter.emit(kind);
    }
}
