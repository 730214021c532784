//! A task's result as the outside sees it.

use rplay_value::{Map, Value};
use serde::{Deserialize, Serialize};

use crate::{Notice, Report};

/// What stands in `censored` instead of a result under `no_log`. Programs compare it: the text is Ansible's.
pub const CENSORED: &str =
    "the output has been hidden due to the fact that 'no_log: true' was specified for this result";

/// The host that did the work instead of the task's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegate {
    /// Its inventory name.
    pub host: String,
    /// Its `ansible_host`, when that differs from the name.
    #[serde(default)]
    pub address: Option<String>,
}

/// The result of a task, or of one item of its loop, on one host.
///
/// `data` is the dictionary callbacks get: no internal keys, no `failed` and `skipped` (the event's outcome says
/// that), no `warnings`, `deprecations` and `exception` (fields here), `invocation` included. What Ansible keeps in
/// `_ansible_*` display hints are the other fields. Under `no_log` the data is cut already.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskResult {
    /// The dictionary. A loop's has `results`.
    pub data: Map,
    /// `_ansible_item_label`: what is shown as `(item=..)`.
    #[serde(default)]
    pub label: Option<Value>,
    /// `_ansible_no_log`: `data` is censored, the label must not be shown.
    #[serde(default)]
    pub no_log: bool,
    /// `_ansible_verbose_always`: shown in full without `-v` (debug).
    #[serde(default)]
    pub verbose_always: bool,
    /// `_ansible_verbose_override`: not shown in full with `-v` (setup).
    #[serde(default)]
    pub verbose_override: bool,
    /// `ansible_delegated_host`.
    #[serde(default)]
    pub delegated_to: Option<Delegate>,
    /// What went wrong, with places: printed before the result as `[ERROR]`.
    #[serde(default)]
    pub error: Option<Report>,
    /// Printed before the result as `[WARNING]`.
    #[serde(default)]
    pub warnings: Vec<Notice>,
    /// Printed before the result as `[DEPRECATION WARNING]`.
    #[serde(default)]
    pub deprecations: Vec<Notice>,
}

impl TaskResult {
    /// Whether `changed` is true in the data.
    pub fn changed(&self) -> bool {
        self.data.get("changed").and_then(Value::as_bool).unwrap_or(false)
    }

    /// Whether this is the result of a whole loop.
    pub fn is_loop(&self) -> bool {
        self.data.contains("results")
    }
}
