//! Manages packages with yum: an older name of `dnf`, which describes its options.
//!
//! Example:
//! ```yaml
//! - yum:
//!     name: chrony
//! ```

use super::dnf::{MODULE as DNF, run};
use crate::Module;

/// `ansible.builtin.yum`
pub static MODULE: Module =
    Module { name: "yum", collection: DNF.collection, spec: DNF.spec, check: DNF.check, diff: DNF.diff, run };
