//! What controller and agent say to each other: frames of one JSON header and an optional binary body.
//!
//! [`Call`] asks for one module run; [`Reply`] is its result with Ansible's keys. [`frame`] is the codec,
//! [`Request`] and [`Response`] are everything that crosses the pipe. Versioned by [`Hello`].

pub mod frame;
mod call;
mod message;
mod reply;

pub use call::{Attachment, Call};
pub use message::{Hello, PROTOCOL, Request, Response};
pub use reply::{Diff, Reply};
