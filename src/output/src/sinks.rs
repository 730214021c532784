//! The sinks, one file each.

mod default;
mod follow;
mod json;
mod jsonl;
mod junit;
mod minimal;
mod oneline;
mod profile_tasks;
mod python;
mod silent;
mod timer;
mod tree;

pub use default::Default;
pub use follow::Follow;
pub use json::Json;
pub use jsonl::JsonLines;
pub use junit::JUnit;
pub use minimal::Minimal;
pub use oneline::OneLine;
pub use profile_tasks::ProfileTasks;
pub use python::{Callback, CallbackRun, PythonCallbacks};
pub use silent::Silent;
pub use timer::Timer;
pub use tree::Tree;
