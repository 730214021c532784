//! How a task ended on a host.

use serde::{Deserialize, Serialize};

/// How a task, or one item of its loop, ended on one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done, nothing had to be changed.
    Ok,
    /// Done, something is different now.
    Changed,
    /// Not run: the reason is in the result's `skip_reason`, `skipped_reason` or `msg`.
    Skipped,
    /// Failed.
    Failed {
        /// `ignore_errors` applies: the play goes on and the recap counts it as ok and ignored.
        ignored: bool,
        /// A `rescue` section takes over: the recap counts it as rescued, not failed.
        rescued: bool,
    },
    /// The host could not be reached.
    Unreachable {
        /// `ignore_unreachable` applies.
        ignored: bool,
    },
}

impl Outcome {
    /// Failed or unreachable, ignored or not.
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Unreachable { .. })
    }
}
