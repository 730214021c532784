//! What can go wrong between the controller and a module.

use rplay_diag::{Diagnose, Diagnostic};
use rplay_protocol::{Method, Refusal};

use crate::AgentError;

/// A connection that failed. The text is what Ansible would show as the host's `msg`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// The host cannot be reached, or does not let us in.
    #[error("{reason}")]
    Unreachable {
        /// The address.
        host: String,
        /// What the transport said, such as `Failed to connect to the host via ssh: ...`.
        reason: String,
    },
    /// The connection ended while it was in use.
    #[error("{reason}")]
    Lost {
        /// The address.
        host: String,
        /// What was seen last.
        reason: String,
    },
    /// The host let us in and then was silent.
    #[error("Timeout ({seconds}s) waiting for {what} on {host}")]
    Timeout {
        /// The address.
        host: String,
        /// How long we waited.
        seconds: u64,
        /// For what.
        what: &'static str,
    },
    /// The user could not be changed.
    #[error("{}", become_text(*method, refusal))]
    Become {
        /// The address.
        host: String,
        /// Through which program.
        method: Method,
        /// The user to become.
        user: String,
        /// Why not.
        refusal: Refusal,
    },
    /// The agent cannot run there.
    #[error("{error}")]
    Agent {
        /// The address.
        host: String,
        /// Why.
        error: AgentError,
    },
    /// A file could not be sent or fetched; the connection is fine.
    #[error("{path}: {reason}")]
    File {
        /// Which.
        path: String,
        /// The system's text.
        reason: String,
        /// The system's number, if it has one.
        errno: Option<i32>,
    },
    /// The other side speaks something else.
    #[error("the agent on {host} sent something unexpected: {reason}")]
    Protocol {
        /// The address.
        host: String,
        /// What.
        reason: String,
    },
}

fn become_text(method: Method, refusal: &Refusal) -> String {
    match refusal {
        Refusal::MissingPassword => format!("Missing {method} password"),
        Refusal::WrongPassword => format!("Incorrect {method} password"),
        Refusal::Timeout { seconds } => format!("Timeout ({seconds}s) waiting for privilege escalation prompt"),
        Refusal::Failed { rc: 127, text } if text.is_empty() => format!("{method}: command not found"),
        Refusal::Failed { rc, text } if text.is_empty() => format!("{method} failed with status {rc}"),
        Refusal::Failed { text, .. } => text.clone(),
    }
}

impl ConnectionError {
    /// Whether the host counts as UNREACHABLE. If not, the task failed.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Lost { .. }
            | Self::Timeout { .. }
            | Self::Agent { .. }
            | Self::Protocol { .. } => true,
            Self::Become { .. } | Self::File { .. } => false,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unreachable { reason, .. } if reason.contains("Host key verification failed") => {
                "connect once with ssh to accept the host's key, or set host_key_checking = False"
            }
            Self::Unreachable { reason, .. } if reason.contains("Permission denied") => {
                "check ansible_user and ansible_ssh_private_key_file, or give a password with --ask-pass"
            }
            Self::Unreachable { reason, .. } if reason.contains("Could not resolve") => {
                "set ansible_host to the address of the host"
            }
            Self::Unreachable { reason, .. }
                if reason.contains("Connection refused") || reason.contains("timed out") =>
            {
                "check that the host is up and that ansible_port is its SSH port"
            }
            Self::Become { refusal: Refusal::MissingPassword, .. } => {
                "give it with --ask-become-pass or ansible_become_password"
            }
            Self::Become { refusal: Refusal::WrongPassword, .. } => {
                "check ansible_become_password; sudo asks for the password of the user you log in as"
            }
            Self::Become { refusal: Refusal::Failed { rc: 127, .. }, .. } => {
                "install it on the target, or choose another become_method"
            }
            Self::Agent { error, .. } => return error.hint(),
            Self::Lost { .. } => "rerun when the host is back; the next task connects anew",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl Diagnose for ConnectionError {
    fn diagnostic(&self) -> Diagnostic {
        Diagnostic::error(self.to_string()).hint_maybe(self.hint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn become_errors_have_ansibles_texts_and_are_failures() {
        let error =
            |method, refusal| ConnectionError::Become { host: "h".into(), method, user: "root".into(), refusal };
        assert_eq!(error(Method::Sudo, Refusal::MissingPassword).to_string(), "Missing sudo password");
        assert_eq!(error(Method::Su, Refusal::WrongPassword).to_string(), "Incorrect su password");
        assert!(!error(Method::Su, Refusal::WrongPassword).is_unreachable());
        let hints = error(Method::Sudo, Refusal::MissingPassword).diagnostic().hints;
        assert_eq!(hints, ["give it with --ask-become-pass or ansible_become_password"]);
    }
}
