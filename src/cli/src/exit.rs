//! Exit codes: ansible-playbook's numbers, which scripts depend on.

/// Everything went well.
pub(crate) const OK: i32 = 0;
/// The run could not start or could not go on.
pub(crate) const ERROR: i32 = 1;
/// Options that do not fit together or are not supported.
pub(crate) const OPTIONS: i32 = 5;
/// A check has something to say.
pub(crate) const FINDINGS: i32 = 2;
/// Everything went well but the collection of logs.
pub(crate) const COLLECTION: i32 = 3;
/// Playbooks, inventories or templates that cannot be read.
pub(crate) const PARSER: i32 = 4;
/// Ended by the user (Ctrl-C).
pub(crate) const INTERRUPTED: i32 = 99;
/// A fault of rplay itself.
pub(crate) const INTERNAL: i32 = 250;
