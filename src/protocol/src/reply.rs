//! One module's result.

use rplay_value::{List, Map, Value};
use serde::{Deserialize, Serialize};

/// What a module returns. [`Reply::into_result`] is the dictionary Ansible users know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// Something on the target is different now (or would be, in check mode).
    #[serde(default)]
    pub changed: bool,
    /// The module could not do its work. `data` holds `msg`.
    #[serde(default)]
    pub failed: bool,
    /// The module's own keys, in the order they are shown.
    #[serde(default)]
    pub data: Map,
    /// Before and after, when asked for.
    #[serde(default)]
    pub diff: Vec<Diff>,
    /// What the user should know.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// What will stop working.
    #[serde(default)]
    pub deprecations: Vec<Deprecation>,
}

/// Something that will stop working.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deprecation {
    /// What it is, and what to do.
    pub message: String,
    /// What would help, said after the rest.
    #[serde(default)]
    pub help: Option<String>,
    /// The release that removes it.
    #[serde(default)]
    pub version: Option<String>,
    /// Or the day after which a release may.
    #[serde(default)]
    pub date: Option<String>,
    /// Who says so: a collection (`foo.bar`), or a plugin by its full name.
    #[serde(default)]
    pub by: Option<String>,
    /// What kind of plugin that is (`module`), if it is one.
    #[serde(default)]
    pub kind: Option<String>,
}

impl Deprecation {
    /// Of ansible-core's own, until a release.
    pub fn core(message: impl Into<String>, version: &str) -> Self {
        Self { message: message.into(), version: Some(version.to_owned()), ..Self::default() }
    }
}

/// One difference: two texts, or two sets of attributes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Diff {
    /// Shown after `--- before`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_header: Option<String>,
    /// Shown after `+++ after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_header: Option<String>,
    /// Text, or a mapping of attributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// Text, or a mapping of attributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// A ready diff, as from a version control system or a package manager.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared: Option<String>,
}

impl Reply {
    /// Nothing to do.
    pub fn ok() -> Self {
        Self::default()
    }

    /// A result that changed something, or not.
    pub fn changed(changed: bool) -> Self {
        Self { changed, ..Self::default() }
    }

    /// A failure with its message.
    pub fn failure(msg: impl Into<String>) -> Self {
        let mut reply = Self { failed: true, ..Self::default() };
        reply.data.insert("msg", msg.into());
        reply
    }

    /// A failure because the task's `timeout` is over.
    pub fn timed_out(action: &str, seconds: u64) -> Self {
        let timed_out = Map::from_iter([("period", Value::from(seconds))]);
        let msg =
            format!("The {action} action failed to execute in the expected time frame ({seconds}) and was terminated");
        Self::failure(msg).with("timedout", timed_out)
    }

    /// Adds a key.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.data.insert(key, value);
        self
    }

    /// Adds a difference when there is one.
    #[must_use]
    pub fn with_diff(mut self, diff: Option<Diff>) -> Self {
        self.diff.extend(diff);
        self
    }

    /// The dictionary Ansible users know: `changed`, the module's keys, `diff`, `failed`, `warnings`, `deprecations`.
    pub fn into_result(self) -> Map {
        let mut result = Map::new();
        result.insert("changed", self.changed);
        result.extend(self.data);
        if self.failed {
            result.insert("failed", true);
        }
        if !self.diff.is_empty() {
            let items: List = self.diff.into_iter().map(Diff::into_map).collect();
            result.insert("diff", if items.len() == 1 { items[0].clone() } else { Value::List(items) });
        }
        if !self.warnings.is_empty() {
            result.insert("warnings", self.warnings);
        }
        if !self.deprecations.is_empty() {
            let items: List = self
                .deprecations
                .into_iter()
                .map(|gone| Map::from_iter([("msg", Value::from(gone.message)), ("version", gone.version.into())]))
                .collect();
            result.insert("deprecations", items);
        }
        result
    }
}

impl Diff {
    /// Two texts under their headers.
    pub fn text(before_header: &str, before: impl Into<String>, after_header: &str, after: impl Into<String>) -> Self {
        Self {
            before_header: Some(before_header.to_owned()),
            after_header: Some(after_header.to_owned()),
            before: Some(Value::from(before.into())),
            after: Some(Value::from(after.into())),
            prepared: None,
        }
    }

    /// Two sets of attributes.
    pub fn attributes(before: Map, after: Map) -> Self {
        Self { before: Some(before.into()), after: Some(after.into()), ..Self::default() }
    }

    /// The keys that are set, with Ansible's names.
    pub fn into_map(self) -> Map {
        let entries = [
            ("before_header", self.before_header.map(Value::from)),
            ("after_header", self.after_header.map(Value::from)),
            ("before", self.before),
            ("after", self.after),
            ("prepared", self.prepared.map(Value::from)),
        ];
        entries.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }
}
