//! What must be true in the end.

use std::path::PathBuf;
use std::time::Duration;

use rplay_diag::Span;

use crate::read::{Fields, Spot};

/// How it is looked at.
#[derive(Clone, Debug)]
pub enum Look {
    /// A playbook succeeds.
    Playbook(PathBuf),
    /// A shell command on the hosts succeeds; its output matches.
    Shell {
        /// The command.
        command: String,
        /// What its output matches.
        stdout: Option<String>,
    },
    /// A server answers.
    Http {
        /// Where.
        url: String,
        /// Statuses that count.
        status: Vec<u16>,
        /// What the answer's text matches.
        text: Option<String>,
    },
    /// Something listens, or nothing does.
    Port {
        /// The port.
        port: u16,
        /// Nothing must.
        closed: bool,
    },
    /// A line of a file of the hosts matches.
    Log {
        /// The file.
        path: String,
        /// What a line matches.
        line: String,
    },
    /// Files are equal.
    Same(Vec<String>),
    /// All tests of a report passed.
    Junit(PathBuf),
}

/// Something that must be true.
#[derive(Clone, Debug)]
pub struct Check {
    /// What it is, in words.
    pub name: String,
    /// Where it was written.
    pub span: Span,
    /// On these hosts.
    pub on: Option<String>,
    /// How it is looked at.
    pub look: Look,
    /// It may become true until then.
    pub deadline: Option<Duration>,
    /// Time between looks.
    pub every: Duration,
    /// It is looked at after this stage.
    pub after: Option<Spot>,
}

impl Check {
    pub(crate) fn read(fields: Fields<'_>) -> Option<Self> {
        let stdout = fields.text("stdout");
        let look = if let Some(path) = fields.path("playbook") {
            Look::Playbook(path)
        } else if let Some(command) = fields.text("shell") {
            Look::Shell { command, stdout }
        } else if let Some(url) = fields.text("http") {
            let status: Vec<u16> = fields.texts("status").iter().filter_map(|status| status.parse().ok()).collect();
            Look::Http { url, status: if status.is_empty() { vec![200] } else { status }, text: stdout }
        } else if let Some(port) = fields.int("port") {
            Look::Port { port, closed: fields.flag("closed").unwrap_or(false) }
        } else if let Some(path) = fields.text("log") {
            Look::Log { path, line: stdout.unwrap_or_else(|| ".".to_owned()) }
        } else if fields.has("same") {
            Look::Same(fields.texts("same"))
        } else {
            Look::Junit(fields.path("junit")?)
        };
        Some(Self {
            name: fields.text("name")?,
            span: fields.node.span(),
            on: fields.text("hosts"),
            look,
            deadline: fields.time("deadline"),
            every: fields.time("every").unwrap_or(Duration::from_secs(1)),
            after: fields.spot("after"),
        })
    }
}
