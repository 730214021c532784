//! Why a module cannot be sent.

use std::io;
use std::path::PathBuf;

/// Why a module cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// Its file cannot be read.
    #[error("could not read the module {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// It imports something that is nowhere.
    #[error("Could not find imported module support code for {module}. Looked for ([{}])", quoted(looked_for))]
    Missing {
        /// The module, dotted.
        module: String,
        /// The names that were tried.
        looked_for: Vec<String>,
        /// No ansible-core is installed here: it would have been looked in, too.
        no_core: bool,
    },
    /// It is a script that does not say what runs it.
    #[error("module ({module}) is missing interpreter line")]
    NoInterpreter {
        /// Its name.
        module: String,
    },
    /// It is written for Windows.
    #[error("the module {module} is written in PowerShell, which is not supported")]
    PowerShell {
        /// Its name.
        module: String,
    },
    /// It cannot be packed.
    #[error("could not pack the module {module}: {reason}")]
    Pack {
        /// Its name.
        module: String,
        /// Why not.
        reason: String,
    },
}

impl LibraryError {
    /// What would help.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Missing { no_core: true, .. } => Some(
                "no ansible-core is installed on this machine, and rplay's stand-ins for its module_utils have no such \
                 part: install ansible-core here, or put the file into `module_utils/` beside the playbook",
            ),
            Self::Missing { .. } => Some("put the file into `module_utils/` beside the playbook or in the role"),
            Self::NoInterpreter { .. } => Some("begin the file with a line such as `#!/usr/bin/python`"),
            _ => None,
        }
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}
