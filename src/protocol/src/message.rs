//! Everything that crosses the pipe.

use serde::{Deserialize, Serialize};

use crate::{Become, Call, OutputLine, Refusal, Reply};

/// The version both sides must share; raised with every incompatible change.
pub const PROTOCOL: u32 = 3;

/// The line before an agent's first frame. What a login shell printed before it (a banner, a profile's `echo`) is
/// skipped by looking for this.
pub const MARK: &str = "rplay-agent ready";

/// How many bytes of a file one [`Request::Part`] or [`Response::Part`] carries at most.
pub const PART: usize = 256 << 10;

/// The agent's first frame.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
        /// Calls of one lane run one after the other, in the order they were sent; lanes run side by side.
        lane: u64,
        /// Whether output of its programs is wanted as it comes, as [`Response::Output`].
        live: bool,
        /// What to run.
        call: Call,
    },
    /// Stop a running call: its programs are ended. A call that has not started is dropped. Answered by
    /// [`Response::Reply`] as always.
    Cancel {
        /// The call to stop.
        id: u64,
    },
    /// Start a child agent as another user. The frame's body is the password, if there is one.
    Become {
        /// Echoed in the answer, [`Response::Became`] or [`Response::Refused`].
        id: u64,
        /// The number that frames for the child will carry.
        channel: u32,
        /// How.
        how: Become,
        /// Whether the body holds a password (it may be an empty one).
        password: bool,
        /// Seconds until silence means failure.
        timeout: u64,
    },
    /// Receive a file: [`Request::Part`]s with this id follow. Answered by [`Response::Uploaded`] after the last part.
    Upload {
        /// Of the parts and the answer.
        id: u64,
    },
    /// The next bytes of a file being uploaded; they are the frame's body.
    Part {
        /// The upload.
        id: u64,
        /// There are no more.
        last: bool,
    },
    /// Remove an uploaded file that no module has taken away.
    Forget {
        /// As in [`Response::Uploaded`].
        path: String,
    },
    /// Send a file: answered by [`Response::Part`]s.
    Download {
        /// Of the parts.
        id: u64,
        /// Which file; `~` is not expanded.
        path: String,
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
    /// A call is done.
    Reply {
        /// Which call.
        id: u64,
        /// Its result.
        reply: Reply,
    },
    /// Output of a running program, as it comes.
    Output {
        /// Which call.
        id: u64,
        /// The lines, oldest first.
        lines: Vec<OutputLine>,
    },
    /// The child agent runs.
    Became {
        /// The request.
        id: u64,
        /// What the child said of itself.
        hello: Hello,
    },
    /// The child agent could not be started.
    Refused {
        /// The request.
        id: u64,
        /// Why.
        refusal: Refusal,
    },
    /// A child agent has ended. The frame's channel is its number.
    Gone,
    /// A file has arrived.
    Uploaded {
        /// The request.
        id: u64,
        /// Where it is: in a folder that only the agent's user may enter.
        path: String,
    },
    /// The next bytes of a file being downloaded; they are the frame's body.
    Part {
        /// The download.
        id: u64,
        /// There are no more.
        last: bool,
    },
    /// An upload or download failed.
    FileError {
        /// The request.
        id: u64,
        /// The system's text, such as `No such file or directory`.
        error: String,
        /// The system's number.
        errno: i32,
    },
}
