//! Why a run cannot go on. A failed task is not an error: it is a result.

use std::path::PathBuf;

use rplay_diag::{Diagnose, Diagnostic, Span};
use rplay_playbook::PlaybookError;
use rplay_template::TemplateError;

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The playbook, or a file it includes, cannot be loaded.
    #[error(transparent)]
    Playbook(#[from] PlaybookError),
    /// A play's keyword cannot be rendered or has no meaning.
    #[error("{message}")]
    Keyword {
        /// What is wrong.
        message: String,
        /// Where.
        span: Option<Span>,
        /// What would help.
        hint: Option<String>,
    },
    /// A template of the play itself failed.
    #[error("{context}: {source}")]
    Template {
        /// What was being rendered.
        context: String,
        /// Why it failed.
        source: TemplateError,
    },
    /// `notify` names nothing (`error_on_missing_handler`).
    #[error(
        "The requested handler '{name}' was not found in either the main handlers list nor in the listening handlers list"
    )]
    MissingHandler {
        /// What was notified.
        name: String,
        /// The task that did.
        span: Option<Span>,
        /// The handler that may have been meant.
        suggestion: Option<String>,
    },
    /// A file of variables cannot be read.
    #[error("{message}")]
    Vars {
        /// What is wrong.
        message: String,
        /// Which file.
        path: PathBuf,
        /// Where it was asked for.
        span: Option<Span>,
    },
    /// The user ended the run in the debugger.
    #[error("User interrupted execution")]
    Quit,
    /// A question could not be asked.
    #[error("could not ask for `{name}`: {source}")]
    Prompt {
        /// The variable.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// The inventory refuses a pattern or a change.
    #[error("{message}")]
    Inventory {
        /// What is wrong.
        message: String,
        /// Where it was written.
        span: Option<Span>,
    },
}

impl Diagnose for EngineError {
    fn diagnostic(&self) -> Diagnostic {
        match self {
            Self::Playbook(error) => error.diagnostic(),
            Self::Keyword { message, span, hint } => {
                Diagnostic::error(message.as_str()).at_maybe(*span, "").hint_maybe(hint.clone())
            }
            Self::Template { context, source } => {
                let mut diagnostic = source.diagnostic();
                diagnostic.notes.insert(0, context.clone());
                diagnostic
            }
            Self::MissingHandler { span, suggestion, .. } => Diagnostic::error(self.to_string())
                .at_maybe(*span, "notified by this task")
                .hint_maybe(suggestion.as_ref().map(|name| format!("did you mean `{name}`?"))),
            Self::Vars { path, span, .. } => Diagnostic::error(self.to_string())
                .at_maybe(*span, "asked for here")
                .note(format!("in {}", path.display())),
            Self::Quit => Diagnostic::error(self.to_string()),
            Self::Prompt { .. } => Diagnostic::error(self.to_string()).hint("give the variable with -e"),
            Self::Inventory { span, .. } => Diagnostic::error(self.to_string()).at_maybe(*span, ""),
        }
    }
}
