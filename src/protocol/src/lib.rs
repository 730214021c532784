//! What controller and agent say to each other: frames of one JSON header and an optional binary body.
//!
//! [`Call`] asks for one module run; [`Reply`] is its result with Ansible's keys. [`frame`] is the codec,
//! [`Request`] and [`Response`] are everything that crosses the pipe. Versioned by [`Hello`]. The agent's output begins
//! with one line, [`MARK`]; then there are only frames.

mod r#become;
mod call;
mod foreign;
pub mod frame;
mod message;
mod output;
mod reply;

pub use r#become::{Become, Method, Refusal};
pub use call::{Attachment, Call, Job};
pub use foreign::{Foreign, Form, Interpreter, Pack};
pub use message::{Hello, MARK, PART, PROTOCOL, Request, Response};
pub use output::OutputLine;
pub use reply::{Deprecation, Diff, Reply};
