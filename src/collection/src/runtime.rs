//! `meta/runtime.yml` of a collection.

use std::collections::HashMap;
use std::path::Path;

use rplay_diag::Sources;
use rplay_value::{Map, Value};

use crate::Kind;

/// What a collection says about one of its names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Route {
    /// It is another one now: the full name.
    pub(crate) redirect: Option<String>,
    /// It is no more.
    pub(crate) tombstone: Option<Gone>,
    /// It will not be for long.
    pub(crate) deprecation: Option<Gone>,
    /// The action plugin that a module runs with.
    pub(crate) action_plugin: Option<String>,
}

/// When a name went or goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gone {
    pub(crate) date: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) text: Option<String>,
}

impl Gone {
    fn of(value: &Value) -> Self {
        let text = |key: &str| {
            let found = value.get(key).filter(|value| !value.is_null()).map(|value| value.to_str().into_owned());
            found.filter(|text| !text.is_empty())
        };
        Self { date: text("removal_date"), version: text("removal_version"), text: text("warning_text") }
    }

    /// As ansible-core 2.19 puts it: what is said, then when it went or goes from which collection.
    pub(crate) fn sentence(&self, said: &str, collection: &str, removed: bool) -> String {
        let mut out = said.to_owned();
        if let Some(text) = &self.text {
            out.push(' ');
            out.push_str(text.trim());
        }
        if !out.ends_with(['.', '!', '?']) {
            out.push('.');
        }
        out.push_str(if removed { " This feature was removed from " } else { " This feature will be removed from " });
        if collection == "ansible.builtin" {
            out.push_str("ansible-core");
        } else {
            out.push_str(&format!("collection '{collection}'"));
        }
        match (&self.date, &self.version) {
            (Some(date), _) => out.push_str(&format!(" in a release after {date}")),
            (None, Some(version)) => out.push_str(&format!(" version {version}")),
            (None, None) if !removed => out.push_str(" in a future release"),
            (None, None) => {}
        }
        out.push('.');
        out
    }
}

/// What is written there.
#[derive(Debug, Default)]
pub(crate) struct Runtime {
    routes: HashMap<(String, String), Route>,
    pub(crate) groups: Map,
    pub(crate) requires: Option<String>,
}

impl Runtime {
    /// Reads it; a collection without one says nothing, and one that cannot be read does not either, as in Ansible.
    pub(crate) fn read(folder: &Path, sources: &Sources) -> Self {
        let path = folder.join("meta/runtime.yml");
        let Ok(text) = fs_err::read_to_string(&path) else { return Self::default() };
        let source = sources.add_file(&path, text.as_str());
        let Ok((value, _)) = rplay_yaml::load_str(&text, source, rplay_yaml::Trust::Data) else {
            return Self::default();
        };
        let mut routes = HashMap::new();
        for (kind, names) in value.get("plugin_routing").and_then(Value::as_map).into_iter().flat_map(Map::texts) {
            for (name, entry) in names.as_map().into_iter().flat_map(Map::texts) {
                let text = |key: &str| {
                    entry.get(key).filter(|value| !value.is_null()).map(|value| value.to_str().into_owned())
                };
                let gone = |key: &str| entry.get(key).filter(|value| !value.is_null()).map(Gone::of);
                let route = Route {
                    redirect: text("redirect").filter(|to| !to.is_empty()),
                    tombstone: gone("tombstone"),
                    deprecation: gone("deprecation"),
                    action_plugin: text("action_plugin"),
                };
                routes.insert((kind.to_string(), name.to_string()), route);
            }
        }
        Self {
            routes,
            groups: value.get("action_groups").and_then(Value::as_map).cloned().unwrap_or_default(),
            requires: value.get("requires_ansible").and_then(Value::as_str).map(str::to_owned),
        }
    }

    /// What it says about a name, which may have folders before it: `sub.name`.
    pub(crate) fn route(&self, kind: Kind, name: &str) -> Option<&Route> {
        let bare = name.strip_suffix(".py").unwrap_or(name);
        self.routes.get(&(kind.name().to_owned(), bare.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_ansible_core_s() {
        let gone = Gone { version: Some("2.0.0".into()), text: Some("Use new.".into()), date: None };
        assert_eq!(
            gone.sentence("The 'a.b.c' module has been removed.", "a.b", true),
            "The 'a.b.c' module has been removed. Use new. This feature was removed from collection 'a.b' version 2.0.0."
        );
        let gone = Gone { date: Some("2027-01-01".into()), version: Some("9".into()), text: None };
        assert_eq!(
            gone.sentence("a.b.c has been deprecated.", "a.b", false),
            "a.b.c has been deprecated. This feature will be removed from collection 'a.b' in a release after 2027-01-01."
        );
        assert_eq!(
            Gone::default().sentence("x has been deprecated.", "ansible.builtin", false),
            "x has been deprecated. This feature will be removed from ansible-core in a future release."
        );
    }
}
