//! What people and programs read of a run: sinks that turn the event stream into text.
//!
//! [`Default`] is ansible-core 2.19's default callback, line for line; [`Minimal`] and [`OneLine`] are its callbacks of those
//! names; [`Json`], [`JsonLines`] and [`JUnit`] are for programs. Nothing here knows the engine: a recorded run
//! can be shown again by the same sinks. [`open`] finds a sink by its name.
//!
//! Start reading at `sinks/default.rs`.

mod diff;
pub mod difflib;
mod dump;
mod follow;
mod log;
mod open;
mod report;
mod result;
mod screen;
mod sinks;
mod terminal;

pub use log::LogFile;
pub use open::{EXTRA_NAMES, NAMES, OpenError, is_native, open, open_extra, open_follow};
pub use report::{notice_text, report_text};
pub use sinks::{
    Callback, CallbackRun, Default, Follow, JUnit, Json, JsonLines, Minimal, OneLine, ProfileTasks, PythonCallbacks,
    Silent, Timer, Tree,
};
pub use terminal::{Color, ColorError, Look, Palette, ResultFormat, Terminal};
