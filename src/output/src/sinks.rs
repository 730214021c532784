//! The sinks, one file each.

mod default;
mod json;
mod jsonl;
mod junit;
mod minimal;
mod oneline;

pub use default::Default;
pub use json::Json;
pub use jsonl::JsonLines;
pub use junit::JUnit;
pub use minimal::Minimal;
pub use oneline::OneLine;
