//! How hosts are reached: this machine, SSH, containers; as any user; with an agent that runs the modules.
//!
//! A [`Spec`] says how a host is reached and as whom. The [`Pool`] turns it into a [`Link`], connecting when need be:
//! control master, agent (uploaded if it is not there), child agent as another user. A link runs modules
//! ([`Link::start`]), in order where order matters ([`Link::lane`]), and moves large files. Failures that are not the
//! module's are [`ConnectionError`]s.
//!
//! Start reading at [`Pool`], then `bootstrap.rs`; the frames are in `rplay-protocol`.

mod agent;
mod askpass;
mod bootstrap;
mod channel;
mod error;
mod follow;
mod link;
mod local;
mod pool;
mod secret;
mod spec;
mod ssh;
mod wire;
mod words;

pub use agent::{Agent, AgentError, AgentSource};
pub use error::ConnectionError;
pub use link::{Lane, Link, Pending, RemotePath};
pub use pool::{Pool, PoolOptions};
pub use rplay_modules::Live;
pub use rplay_protocol::{Attachment, Call, Hello, Method, OutputLine, Refusal, Reply};
pub use secret::Secret;
pub use spec::{Become, Docker, Kind, Spec, Ssh};

/// How a raw command ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawOutput {
    /// Exit status; negative for the signal that ended it.
    pub rc: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}
