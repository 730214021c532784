//! The counts at the end of a run.

use std::collections::BTreeMap;

use rplay_value::Map;
use serde::{Deserialize, Serialize};

/// One host's line of `PLAY RECAP`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRecap {
    /// Tasks that ended well, changed and ignored ones included.
    pub ok: u64,
    /// Tasks that changed something.
    pub changed: u64,
    /// Tasks that could not reach the host.
    pub unreachable: u64,
    /// Tasks that failed and were neither rescued nor ignored.
    pub failed: u64,
    /// Tasks that were skipped.
    pub skipped: u64,
    /// Failures that a `rescue` section took over.
    pub rescued: u64,
    /// Failures that `ignore_errors` let pass.
    pub ignored: u64,
}

/// `PLAY RECAP` and what `set_stats` collected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recap {
    /// By host, sorted by name as Ansible prints them.
    pub hosts: BTreeMap<String, HostRecap>,
    /// `set_stats` of the whole run.
    #[serde(default)]
    pub custom: Map,
    /// `set_stats` with `per_host`, by host.
    #[serde(default)]
    pub custom_per_host: BTreeMap<String, Map>,
}

impl Recap {
    /// The counts of a host, started when it is new. Looking a host up makes it appear in the recap.
    pub fn host(&mut self, name: &str) -> &mut HostRecap {
        if !self.hosts.contains_key(name) {
            self.hosts.insert(name.to_owned(), HostRecap::default());
        }
        self.hosts.entry(name.to_owned()).or_default()
    }
}
