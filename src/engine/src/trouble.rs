//! What keeps a task from its work on one host. It becomes a failed or unreachable result, never the end of the run.

use rplay_connection::ConnectionError;
use rplay_diag::{Diagnose, Sources, Span};
use rplay_event::{Place, Report};
use rplay_template::TemplateError;
use rplay_value::Map;

/// One link of the chain from the task to what went wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    pub(crate) message: String,
    pub(crate) span: Option<Span>,
    pub(crate) help: Option<String>,
}

/// What keeps a task from its work on one host.
#[derive(Clone, Debug, Default)]
pub struct Trouble {
    /// Outermost first, without the `Task failed.` at the top.
    pub(crate) chain: Vec<Link>,
    /// Keys for the result besides `msg`.
    pub(crate) keys: Map,
    /// `msg` of the result when it is not the chain's text.
    pub(crate) msg: Option<String>,
    /// The host is unreachable.
    pub(crate) unreachable: bool,
    /// An undefined variable is behind it.
    pub(crate) undefined: bool,
    /// It came before the task itself, so that nothing is said about the task failing.
    pub(crate) before: bool,
}

impl Trouble {
    /// A message of the engine's own.
    pub(crate) fn message(message: impl Into<String>) -> Self {
        Self { chain: vec![Link { message: message.into(), ..Link::default() }], ..Self::default() }
    }

    /// An action's own failure: its message is the result's `msg`, its keys are the result's.
    pub(crate) fn action(msg: impl Into<String>) -> Self {
        let msg = msg.into();
        Self { msg: Some(msg.clone()), ..Self::message(format!("Action failed: {msg}")) }
    }

    /// Says where the first message belongs.
    pub(crate) fn at(mut self, span: Option<Span>) -> Self {
        if let Some(link) = self.chain.first_mut() {
            link.span = link.span.or(span);
        }
        self
    }

    /// Adds keys to the result.
    pub(crate) fn with(mut self, keys: Map) -> Self {
        self.keys = keys;
        self
    }

    /// Puts words before the message of an action's failure.
    pub(crate) fn prefixed(mut self, words: &str) -> Self {
        self.msg = self.msg.map(|msg| format!("{words}: {msg}"));
        self
    }

    /// Adds what would help.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        if let Some(link) = self.chain.last_mut() {
            link.help = Some(help.into());
        }
        self
    }

    /// Puts this around what went wrong.
    pub(crate) fn within(mut self, message: impl Into<String>, span: Option<Span>) -> Self {
        self.chain.insert(0, Link { message: message.into(), span, help: None });
        self
    }

    /// The chain as one text.
    pub(crate) fn text(&self) -> String {
        Report {
            chain: self
                .chain
                .iter()
                .map(|l| rplay_event::Cause { message: l.message.clone(), place: None, help: None })
                .collect(),
        }
        .message()
    }

    /// The chain with places, under `Task failed.` at the task's place. Neighbours at one place become one message, as
    /// ansible-core 2.19 shows them.
    pub(crate) fn report(&self, sources: &Sources, task: Option<Span>) -> Report {
        let place = |link: &Link| link.span.and_then(|span| Place::of(sources, span));
        let mut links = self.chain.iter();
        let mut report = match links.as_slice().first() {
            Some(first) if self.before => {
                links.next();
                let mut report = Report::new(first.message.clone(), place(first));
                if let Some(cause) = report.chain.first_mut() {
                    cause.help.clone_from(&first.help);
                }
                report
            }
            _ => Report::new("Task failed.", task.and_then(|span| Place::of(sources, span))),
        };
        for link in links {
            let place = place(link);
            let Some(last) = report.chain.last_mut() else { continue };
            if last.help.is_none() && (place.is_none() || place == last.place) {
                let start = last.message.trim_end_matches('.').len();
                last.message.truncate(start);
                last.message.push_str(": ");
                last.message.push_str(&link.message);
                last.help.clone_from(&link.help);
            } else {
                report = report.caused_by(link.message.clone(), place, link.help.clone());
            }
        }
        report
    }
}

impl From<TemplateError> for Trouble {
    fn from(error: TemplateError) -> Self {
        let hints = error.diagnostic().hints;
        let help = (!hints.is_empty()).then(|| hints.join(" "));
        let link = Link { message: error.message().to_owned(), span: error.span(), help };
        Self { chain: vec![link], undefined: error.is_undefined(), ..Self::default() }
    }
}

impl From<ConnectionError> for Trouble {
    fn from(error: ConnectionError) -> Self {
        let hints = error.diagnostic().hints;
        let link = Link { message: error.to_string(), span: None, help: (!hints.is_empty()).then(|| hints.join(" ")) };
        let unreachable = error.is_unreachable();
        // ansible-core tells of lost hosts as of any other exception: with `Task failed` before it.
        let msg = (!unreachable).then(|| error.to_string());
        Self { chain: vec![link], msg, unreachable, ..Self::default() }
    }
}
