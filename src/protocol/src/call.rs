//! One module run, as the controller asks for it.

use std::collections::BTreeMap;

use rplay_value::Map;
use serde::{Deserialize, Serialize};

/// Run this module with these arguments.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Full name, such as `ansible.builtin.copy`.
    pub module: String,
    /// Arguments after templating; omitted ones are absent.
    pub args: Map,
    /// Predict, do not change (`--check`).
    #[serde(default)]
    pub check: bool,
    /// Report before and after (`--diff`).
    #[serde(default)]
    pub diff: bool,
    /// Keep arguments and results out of the target's system log.
    #[serde(default)]
    pub no_log: bool,
    /// `-v` count, for modules that say more.
    #[serde(default)]
    pub verbosity: u8,
    /// The task's `environment`, set for every program the module starts.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Files that belong to the arguments: their bytes follow the header in this order.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    /// The task's `timeout` in seconds; the module is stopped when it is over.
    #[serde(default)]
    pub timeout: Option<u64>,
}

/// A file sent with a call: the module finds it by name, in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// What the module calls it: `src` for the content of copy, template, script, unarchive and assemble.
    pub name: String,
    /// How many bytes of the frame's body are its content.
    pub length: u64,
    /// The content, on either side of the wire. Not part of the JSON header.
    #[serde(skip)]
    pub content: Vec<u8>,
}
