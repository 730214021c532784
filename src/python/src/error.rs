//! Why the sidecar cannot answer.

use std::io;
use std::path::PathBuf;

/// Why the sidecar cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    /// There is no interpreter.
    #[error("no Python 3 was found on this machine")]
    NoInterpreter,
    /// The interpreter cannot be started.
    #[error("could not start {}: {source}", interpreter.display())]
    Start {
        /// The interpreter.
        interpreter: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The process ended while something was asked of it.
    #[error("the Python process of the plugins {status}")]
    Ended {
        /// How it ended: `was killed by signal 11`.
        status: String,
        /// The last lines it wrote to standard error.
        stderr: String,
    },
    /// A plugin failed.
    #[error("{message}")]
    Raised {
        /// What it said.
        message: String,
        /// The module that is missing, where that is why.
        missing: Option<String>,
    },
    /// The process said something that is no answer.
    #[error("the Python process of the plugins gave no proper answer: {0}")]
    Garbled(String),
}
