//! What can be wrong with an inventory.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rplay_diag::{Diagnose, Diagnostic, Span};

/// An error in an inventory source or in a choice of hosts.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A place in a source is wrong.
    #[error("{message}")]
    Syntax {
        /// What is wrong.
        message: String,
        /// Where.
        span: Option<Span>,
        /// What would help.
        hint: Option<String>,
    },
    /// A YAML, JSON or TOML document cannot be read.
    #[error("{}", .0.message)]
    Document(Box<Diagnostic>),
    /// A group would be beneath itself.
    #[error("Adding group '{child}' as child to '{parent}' creates a recursive dependency loop.")]
    Cycle {
        /// The group above.
        parent: Arc<str>,
        /// The group beneath, which already is above.
        child: Arc<str>,
        /// Where it was said.
        span: Option<Span>,
    },
    /// An executable source failed.
    #[error("{what} (script {path})", path = path.display())]
    Script {
        /// The script.
        path: PathBuf,
        /// What happened.
        what: String,
        /// What it wrote to standard error.
        stderr: String,
    },
    /// A pattern is not valid.
    #[error("Invalid host list pattern: {0}")]
    Pattern(String),
    /// A subscript is out of range.
    #[error("No hosts matched the subscripted pattern '{0}'")]
    Subscript(String),
    /// `--limit @file` without such a file.
    #[error("Unable to find limit file {path}", path = .0.display())]
    NoLimitFile(PathBuf),
    /// `--limit @file` with something that is no file.
    #[error("Limit starting with \"@\" must be a file, not a directory: {path}", path = .0.display())]
    LimitNotAFile(PathBuf),
    /// An order of hosts that there is not.
    #[error("Invalid 'order' specified for inventory hosts: {0}")]
    Order(String),
}

impl InventoryError {
    pub(crate) fn syntax(message: impl Into<String>, span: impl Into<Option<Span>>) -> Self {
        Self::Syntax { message: message.into(), span: span.into(), hint: None }
    }

    pub(crate) fn hint(self, text: impl Into<String>) -> Self {
        match self {
            Self::Syntax { message, span, .. } => Self::Syntax { message, span, hint: Some(text.into()) },
            other => other,
        }
    }

    /// The same error with a place, if it has none yet.
    pub(crate) fn at(self, place: Option<Span>) -> Self {
        match self {
            Self::Cycle { parent, child, span } => Self::Cycle { parent, child, span: span.or(place) },
            Self::Syntax { message, span, hint } => Self::Syntax { message, span: span.or(place), hint },
            other => other,
        }
    }
}

impl Diagnose for InventoryError {
    fn diagnostic(&self) -> Diagnostic {
        let error = Diagnostic::error(self.to_string());
        match self {
            Self::Syntax { span, hint, .. } => error.at_maybe(*span, "").hint_maybe(hint.clone()),
            Self::Document(inner) => (**inner).clone(),
            Self::Cycle { span, child, .. } => error
                .at_maybe(*span, "")
                .hint(format!("group `{child}` already contains the other one, directly or through its children")),
            Self::Script { stderr, .. } if !stderr.trim().is_empty() => {
                error.note(format!("standard error of the script:\n{}", stderr.trim_end()))
            }
            Self::Subscript(_) => error.hint("subscripts count from 0; a negative one counts from the end"),
            Self::Pattern(_) => error.hint("after `~` stands a regular expression; check its parentheses and brackets"),
            Self::Order(_) => error.hint("orders are inventory, reverse_inventory, sorted, reverse_sorted and shuffle"),
            _ => error,
        }
    }
}
