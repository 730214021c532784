//! What happened in a run: one owned, serialisable stream that every kind of output reads.
//!
//! The engine [`Emitter::emit`]s an [`EventKind`]; one dispatcher thread numbers it, puts the time on it and hands it
//! to every [`Sink`] in order. Nothing here borrows from the engine, so a recorded run ([`LogWriter`], [`read_log`])
//! can be shown again later by the same sinks. Secrets are cut before an event is emitted.
//!
//! Start reading at [`EventKind`]: its table names the Ansible callback that each event stands for.

mod dispatch;
mod event;
mod ids;
mod log;
mod outcome;
mod recap;
mod report;
mod result;
mod sink;

pub use dispatch::{Dispatcher, Emitter};
pub use event::{Event, EventKind, PlayInfo, RunInfo, TaskInfo};
pub use ids::{PlayId, RunId, TaskId};
pub use log::{LogError, LogWriter, read_log};
pub use outcome::Outcome;
pub use recap::{HostRecap, Recap};
pub use report::{Cause, Notice, Place, Report};
pub use result::{CENSORED, Delegate, TaskResult};
pub use sink::Sink;
