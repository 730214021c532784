//! Manages units of systemd: the older name of `systemd_service`, which describes its options.
//!
//! Example:
//! ```yaml
//! - systemd:
//!     daemon_reload: true
//! ```

use super::systemd_service::{MODULE as SYSTEMD_SERVICE, run};
use crate::Module;

/// `ansible.builtin.systemd`
pub static MODULE: Module = Module {
    name: "systemd",
    collection: SYSTEMD_SERVICE.collection,
    spec: SYSTEMD_SERVICE.spec,
    check: SYSTEMD_SERVICE.check,
    diff: SYSTEMD_SERVICE.diff,
    run,
};
