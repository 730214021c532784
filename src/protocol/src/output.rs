//! Output of running programs, line by line.

use serde::{Deserialize, Serialize};

/// One line that a running program wrote. What was left out is counted, never silently gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputLine {
    /// It came from standard error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stderr: bool,
    /// The text without its line end; bytes that are not UTF-8 are replaced. A program that goes back to the start of its
    /// line (`\r`) has written what is there at the end.
    pub text: String,
    /// The line has not ended yet: a question without a line end, a progress bar. It comes again, longer or otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// How many bytes at the end of the line were left out, because it is too long.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cut: u64,
    /// How many lines before this one were left out, because there were too many too fast.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
