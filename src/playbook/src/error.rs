//! What can be wrong with a playbook.

use std::io;
use std::path::{Path, PathBuf};

use rplay_diag::{Diagnose, Diagnostic, Span};

/// An error while playbooks, roles and task files are read.
#[derive(Debug, thiserror::Error)]
pub enum PlaybookError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
        /// The statement that names it.
        span: Option<Span>,
    },
    /// A YAML document cannot be read.
    #[error("{}", .0.message)]
    Document(Box<Diagnostic>),
    /// A statement is wrong; the diagnostic says which and how.
    #[error("{}", .0.message)]
    Invalid(Box<Diagnostic>),
    /// A role is nowhere.
    #[error("the role '{name}' was not found in {}", join(searched))]
    NoRole {
        /// Its name.
        name: String,
        /// Where it was looked for.
        searched: Vec<PathBuf>,
        /// The nearest name that is there.
        near: Option<String>,
        /// Where it is used.
        span: Option<Span>,
    },
    /// A task file, playbook or file of a role is nowhere.
    #[error("Could not find or access '{path}' on the Ansible Controller.", path = path.display())]
    NoFile {
        /// The statement that names it.
        statement: &'static str,
        /// Where it is expected most.
        path: PathBuf,
        /// Where it was looked for.
        searched: Vec<PathBuf>,
        /// Where it is named.
        span: Option<Span>,
    },
    /// A file or role imports itself through others.
    #[error("{what} imports itself: {}", chain.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" -> "))]
    Cycle {
        /// File or role.
        what: String,
        /// Who imports whom, and where.
        chain: Vec<(String, Option<Span>)>,
    },
}

fn join(paths: &[PathBuf]) -> String {
    paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(":")
}

/// A file beside the one that is missing, with a name near to its.
fn near_file(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let entries = fs_err::read_dir(path.parent()?).ok()?;
    let names: Vec<String> = entries.filter_map(Result::ok).filter_map(|e| e.file_name().into_string().ok()).collect();
    let near = rplay_diag::nearest(name, names.iter().map(String::as_str))?;
    Some(format!("there is a file `{near}`"))
}

impl From<Diagnostic> for PlaybookError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Invalid(Box::new(diagnostic))
    }
}

impl Diagnose for PlaybookError {
    fn diagnostic(&self) -> Diagnostic {
        let error = Diagnostic::error(self.to_string());
        match self {
            Self::Document(inner) | Self::Invalid(inner) => (**inner).clone(),
            Self::Io { span, .. } => error.at_maybe(*span, "named here"),
            Self::NoRole { span, near, .. } => error
                .at_maybe(*span, "this role")
                .hint_maybe(near.as_ref().map(|near| format!("there is a role `{near}`"))),
            Self::NoFile { statement, path, searched, span } => {
                let error = error.at_maybe(*span, format!("{statement} names it here"));
                let error =
                    if searched.len() > 1 { error.note(format!("looked for {}", join(searched))) } else { error };
                error.hint_maybe(near_file(path))
            }
            Self::Cycle { chain, .. } => {
                let error = chain
                    .iter()
                    .rev()
                    .fold(error, |error, (name, span)| error.at_maybe(*span, format!("imports {name}")));
                error.hint("a static import is expanded when the playbook is read; use include_tasks or include_role to recurse")
            }
        }
    }
}
