//! What can be wrong with a journal.

use std::io;
use std::path::PathBuf;

use rplay_diag::{Diagnose, Diagnostic, quoted_list};

/// A journal that cannot be written, read or gone on with.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system said no.
    #[error("could not use the journal {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A line before the last one is not what a journal holds.
    #[error("line {line} of the journal {} is broken: {message}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// One-based.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// Written in a format that this program does not know.
    #[error("the journal {} has format {found}; this program knows {known}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The format it has.
        found: u32,
        /// The format that is known.
        known: u32,
    },
    /// No such run.
    #[error("there is no run `{id}`")]
    Unknown {
        /// As asked for.
        id: String,
        /// The nearest one that there is.
        near: Option<String>,
    },
    /// More than one run starts like this.
    #[error("several runs start with `{id}`: {}", quoted_list(found.iter().map(String::as_str)))]
    Ambiguous {
        /// As asked for.
        id: String,
        /// Those that do.
        found: Vec<String>,
    },
    /// There is no run at all, or none that could go on.
    #[error("there is no run to go on with")]
    Nothing {
        /// Where they would be.
        folder: PathBuf,
    },
    /// Another process is at it.
    #[error("the run `{id}` is running")]
    Running {
        /// The run.
        id: String,
    },
    /// It came to its end.
    #[error("the run `{id}` has finished: nothing is left to do")]
    Finished {
        /// The run.
        id: String,
    },
    /// Files are no longer what the run has read.
    #[error("{} changed since the run `{id}`", quoted_list(files.iter().map(String::as_str)))]
    Changed {
        /// The run.
        id: String,
        /// The files.
        files: Vec<String>,
    },
}

impl JournalError {
    /// A system's error about a path.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}

impl Diagnose for JournalError {
    fn diagnostic(&self) -> Diagnostic {
        let diagnostic = Diagnostic::error(self.to_string());
        match self {
            Self::Io { .. } => diagnostic.hint("--no-journal runs without one; it cannot be resumed then"),
            Self::Line { .. } => diagnostic.hint("run the playbook anew"),
            Self::Format { .. } => diagnostic.hint("resume it with the version of rplay that started it"),
            Self::Unknown { near, .. } => diagnostic
                .hint_maybe(near.as_ref().map(|near| format!("did you mean `{near}`?")))
                .note("`rplay runs` lists them"),
            Self::Ambiguous { .. } => diagnostic.hint("write more of its name"),
            Self::Nothing { folder } => diagnostic.note(format!("journals are kept in {}", folder.display())),
            Self::Running { .. } => diagnostic.hint("wait for it, or end it"),
            Self::Finished { .. } => diagnostic.hint("run the playbook anew"),
            Self::Changed { .. } => diagnostic
                .hint("put the files back, or go on with them as they are now with --changed-files")
                .note("with --changed-files the tasks of a changed file are told by their names"),
        }
    }
}
