//! The journal of a run: what a run has done, host by host, so that it can go on after a failure or a `kill -9`.
//!
//! A journal is one file, `ID.jsonl`, in a folder that only its user can read. Each line is one JSON document and is
//! given to the system before the next task of its host starts; the last line may be torn. [`Journal`] writes one and,
//! for a run that goes on, says what it [knows](Known) of each host's next step. [`Runs`] lists, finds and removes them.
//! What a result holds is its writer's business: here it is anything that serialises. Secrets are sealed or left out.
//!
//! Start reading at `line.rs` (the format), then [`Journal`] and `index.rs` (what is known of each host).

mod error;
mod exact;
mod index;
mod journal;
mod line;
mod runs;

pub use error::JournalError;
pub use exact::{Exact, ExactMap, Revived, map, value};
pub use index::{Kept, Known, StepKey};
pub use journal::{Content, Journal, NewRun, Written};
pub use line::{RunHead, State};
pub use runs::{Run, RunState, Runs};
