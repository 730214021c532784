//! Connections to real hosts: an sshd of our own, real sudo and su, users made for the test.
//!
//! They need root and Debian's `openssh-server` and `sudo`, and fail where those are missing.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod r#become;
mod calls;
mod container;
mod files;
mod local;
mod ssh;
mod world;
