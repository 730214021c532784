//! Warnings of templates on their way to the output: each once, however many hosts come across it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use rplay_diag::{Diagnostic, Severity, Sources, Span};
use rplay_event::{Emitter, EventKind, Notice};
use rplay_template::Notices;

/// Passes notices on to the run's events, once there is a run.
#[derive(Clone)]
pub(crate) struct Listener {
    sources: Sources,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    seen: HashSet<(String, Option<Span>)>,
    emitter: Option<Emitter>,
    early: Vec<EventKind>,
}

impl Listener {
    pub(crate) fn new(sources: Sources) -> Self {
        Self { sources, state: Arc::default() }
    }

    /// Notices are events from now on; those from before become some now.
    pub(crate) fn open(&self, emitter: Emitter) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.early.drain(..).for_each(|event| emitter.emit(event));
        state.emitter = Some(emitter);
    }

    /// The run is over: its stream of events can end.
    pub(crate) fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).emitter = None;
    }
}

/// The event that a diagnostic is.
pub(crate) fn event(diagnostic: &Diagnostic, sources: &Sources) -> EventKind {
    let notice = Notice::of(diagnostic, sources);
    if diagnostic.severity == Severity::Deprecated { EventKind::Deprecated(notice) } else { EventKind::Warned(notice) }
}

impl Notices for Listener {
    fn notice(&self, notice: Diagnostic) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let place = notice.labels.first().map(|label| label.span);
        if !state.seen.insert((notice.message.clone(), place)) {
            return;
        }
        let event = event(&notice, &self.sources);
        match &state.emitter {
            Some(emitter) => emitter.emit(event),
            None => state.early.push(event),
        }
    }
}
