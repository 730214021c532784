//! The commands, one file each.

pub(crate) mod adhoc;
pub(crate) mod config;
pub(crate) mod console;
pub(crate) mod doc;
pub(crate) mod inventory;
pub(crate) mod lint;
pub(crate) mod playbook;
pub(crate) mod pull;
pub(crate) mod resume;
pub(crate) mod runs;
pub(crate) mod scenario;
pub(crate) mod vault;
pub(crate) mod why;
