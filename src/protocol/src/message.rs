//! Everything that crosses the pipe.

use serde::{Deserialize, Serialize};

use crate::{Call, Reply};

/// The version both sides must share; raised with every incompatible change.
pub const PROTOCOL: u32 = 1;

/// The agent's first frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL`] of the agent.
    pub protocol: u32,
    /// The agent's process id, so that it can be ended by pid.
    pub pid: u32,
    /// The user it runs as.
    pub user: String,
    /// The user's id.
    pub uid: u32,
    /// The folder for temporary files.
    pub tmp: String,
}

/// Controller to agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Request {
    /// Run a module; attachments' bytes are the frame's body.
    Call {
        /// Echoed in every response about this call.
        id: u64,
        /// What to run.
        call: Call,
    },
    /// Stop a running call: its programs are ended.
    Cancel {
        /// The call to stop.
        id: u64,
    },
    /// End the agent once running calls are done.
    Bye,
}

/// Agent to controller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Response {
    /// The first frame.
    Hello(Hello),
    /// A call is done. Large binary results (slurp, fetch) are the frame's body.
    Reply {
        /// Which call.
        id: u64,
        /// Its result.
        reply: Reply,
    },
    /// Output of a running program, as it comes.
    Chunk {
        /// Which call.
        id: u64,
        /// `1` standard output, `2` standard error.
        stream: u8,
        /// The text.
        text: String,
    },
}
