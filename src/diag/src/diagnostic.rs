//! What went wrong, where, and what to do about it.

use crate::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The run cannot go on.
    Error,
    /// The run goes on; the user should know.
    Warning,
    /// It works today and will not in a later release.
    Deprecated,
}

/// Text attached to a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What about it; may be empty.
    pub text: String,
    /// The place the message is about (drawn with `^`), as opposed to context (drawn with `-`).
    pub primary: bool,
}

/// A message with the places it is about and hints that would help. Built with chained calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// One sentence without a full stop.
    pub message: String,
    /// Places, primary ones first.
    pub labels: Vec<Label>,
    /// Facts that explain: the task it happened in, the cause below it.
    pub notes: Vec<String>,
    /// What the user could do.
    pub hints: Vec<String>,
}

impl Diagnostic {
    /// An error without a place yet.
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message)
    }

    /// A warning without a place yet.
    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message)
    }

    /// A diagnostic of any severity without a place yet.
    pub fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self { severity, message: message.into(), labels: Vec::new(), notes: Vec::new(), hints: Vec::new() }
    }

    /// Points at the place the message is about.
    #[must_use]
    pub fn at(self, span: Span, text: impl Into<String>) -> Self {
        self.label(Some(span), text, true)
    }

    /// Points at the place the message is about, when it is known.
    #[must_use]
    pub fn at_maybe(self, span: Option<Span>, text: impl Into<String>) -> Self {
        self.label(span, text, true)
    }

    /// Points at a place that explains the message.
    #[must_use]
    pub fn context(self, span: Option<Span>, text: impl Into<String>) -> Self {
        self.label(span, text, false)
    }

    fn label(mut self, span: Option<Span>, text: impl Into<String>, primary: bool) -> Self {
        if let Some(span) = span {
            self.labels.push(Label { span, text: text.into(), primary });
        }
        self
    }

    /// Adds a fact that explains.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds something the user could do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds a hint when there is one.
    #[must_use]
    pub fn hint_maybe(self, hint: Option<String>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }
}

/// An error that can say where it happened and what would help.
pub trait Diagnose: std::error::Error {
    /// The message, labels, notes and hints of this error.
    fn diagnostic(&self) -> Diagnostic;
}
