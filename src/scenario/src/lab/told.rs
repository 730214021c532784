//! What a lab tells while it is at work.

use std::time::Duration;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Something is different now.
    Changed,
    /// It was so already.
    Same,
    /// It did what it is for; whether that changed anything is not its business.
    Done,
    /// It did not work.
    Failed,
}

impl Ending {
    /// A word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Same => "same",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// What a lab tells while it is at work.
#[derive(Clone, Debug)]
pub enum Told {
    /// A step begins: what (`node`, `stage`, `check`), and which.
    Begun(&'static str, String),
    /// A step ended.
    Ended {
        /// What.
        what: &'static str,
        /// Which.
        name: String,
        /// How.
        ending: Ending,
        /// Why it failed, or what there is to know.
        note: Option<String>,
        /// How long it took.
        took: Duration,
    },
    /// A stage's playbooks ran.
    Ran {
        /// The stage.
        stage: String,
        /// How they ended.
        ran: super::Ran,
    },
    /// A line that a stage's command wrote.
    Line(String, String),
    /// Something worth knowing.
    Note(String),
}

/// Who is told.
pub trait Listener: Send + Sync {
    /// Called for everything that happens, in order, from any thread.
    fn told(&self, told: &Told);
}
