//! Modules that are not native: where they are found on the controller, what kind they are, and what they take along to
//! the target.
//!
//! One module's way: a task names it -> [`Library::find`] looks beside playbooks, in roles, in configured folders, in
//! collections and in an installed ansible-core -> [`Library::payload`] reads the file, tells its kind ([`Payload::form`])
//! and, for Python, packs every `module_utils` it imports -> the engine sends it as a
//! [`Foreign`](rplay_protocol::Foreign) call. What many modules share is one pack, so that a target has it imported
//! already when the next module comes.
//!
//! Where no ansible-core is installed, `standin/` stands in for its `module_utils`: Python of our own.
//!
//! Start reading at [`Library`], then `pack.rs`.

mod error;
mod find;
mod imports;
mod kind;
mod library;
mod pack;
mod sources;

pub use error::LibraryError;
pub use find::{Found, Place};
pub use kind::Shebang;
pub use library::{Library, LibraryOptions};
pub use pack::Payload;
