//! The sinks, one file each.

mod default;

pub use default::Default;
