//! How a command ends when it cannot do its work: diagnostics for people, an exit code for scripts.

use std::io::{self, IsTerminal as _, Write as _};

use rplay_diag::{Diagnose, Diagnostic, Sources, render};

use crate::exit;

/// A command that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What is shown, in order.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The process's exit code.
    pub(crate) code: i32,
}

/// Ends a command whose answer is one text; the value is the exit code.
pub(crate) fn conclude(answer: Result<String, Failure>, sources: &Sources) -> i32 {
    match answer {
        Ok(text) => {
            // A reader that went away (`| head`) has what it wanted.
            let _ = io::stdout().lock().write_all(text.as_bytes());
            exit::OK
        }
        Err(failure) => {
            failure.report(sources, io::stderr().is_terminal());
            failure.code
        }
    }
}

impl Failure {
    /// Options that do not fit together or are not supported.
    pub(crate) fn options(diagnostic: Diagnostic) -> Self {
        Self { diagnostics: vec![diagnostic], code: exit::OPTIONS }
    }

    /// The run could not start or go on.
    pub(crate) fn error(diagnostic: Diagnostic) -> Self {
        Self { diagnostics: vec![diagnostic], code: exit::ERROR }
    }

    /// A playbook, inventory or template that cannot be read.
    pub(crate) fn parser(error: &dyn Diagnose) -> Self {
        Self { diagnostics: vec![error.diagnostic()], code: exit::PARSER }
    }

    /// Writes the diagnostics to standard error.
    pub(crate) fn report(&self, sources: &Sources, color: bool) {
        let mut stderr = io::stderr().lock();
        for diagnostic in &self.diagnostics {
            // Nowhere is left to complain about a broken standard error.
            let _ = writeln!(stderr, "{}", render(diagnostic, sources, color));
        }
    }
}
