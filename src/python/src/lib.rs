//! Python on the controller: filter, test and lookup plugins run in one Python process beside rplay, the sidecar, which
//! is started when the first name that is not native is met, and never otherwise.
//!
//! One call's way: a template meets a name that is not native -> [`Python`] (which is the engine's
//! [`rplay_template::Foreign`]) finds the file -> the process imports it and runs the function -> while it runs, it asks
//! back for variables, filters and files over the same pipe -> the result is a value, and its text is data.
//!
//! Actions, connections and callbacks run in processes of their own, see [`Python::worker`]: who starts one holds the
//! conversation, and a [`Desk`] answers what is asked of templates and variables.
//!
//! Start reading at [`Python`], then `conversation.rs`; the other end is `sidecar/rplay_sidecar/main.py`. What plugins
//! import from ansible-core and Jinja2 is in `sidecar/standin` for machines that have neither.

mod answer;
mod codec;
mod conversation;
mod errand;
mod error;
mod files;
mod object;
mod process;
mod python;
mod worker;

pub use errand::Errand;
pub use error::PythonError;
pub use files::provided_names;
pub use python::{Notify, Paths, Python, PythonOptions};
pub use worker::{Desk, PluginFile, frame};
