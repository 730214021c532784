//! What differs between two runs by nature, and is cut before they are compared; `fixtures/calls/record` does the same.

use fancy_regex::Regex;
use rplay_value::{JsonStyle, Map, Value, json};

use super::play::Case;

/// Keys whose values are times, places on disks or processes.
const MASKED: [&str; 12] =
    ["atime", "ctime", "mtime", "inode", "dev", "delta", "start", "end", "pid", "version", "blocks", "elapsed"];

/// Patterns of texts, and what stands for them.
const HIDDEN: [(&str, &str); 4] = [
    (r"\.\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~", ".BACKUP~"),
    (r#"/[^\s'"]*/\.ansible/tmp/ansible-[^\s'"]*"#, "TEMP"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"Valid booleans include: .*", "Valid booleans include: .."),
];

/// The user the calls run as.
struct Own {
    uid: i64,
    gid: i64,
    user: String,
    group: String,
}

impl Own {
    fn new() -> Self {
        let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
        Self {
            uid: uid.as_raw().into(),
            gid: gid.as_raw().into(),
            user: nix::unistd::User::from_uid(uid).unwrap().map(|user| user.name).unwrap_or_default(),
            group: nix::unistd::Group::from_gid(gid).unwrap().map(|group| group.name).unwrap_or_default(),
        }
    }

    fn is(&self, key: &str, value: &Value) -> bool {
        match key {
            "uid" => value.as_int() == Some(self.uid),
            "gid" => value.as_int() == Some(self.gid),
            "owner" | "pw_name" => value.as_str() == Some(&self.user),
            "group" | "gr_name" => value.as_str() == Some(&self.group),
            _ => false,
        }
    }
}

pub(super) struct Masks {
    keys: Vec<String>,
    unordered: Vec<String>,
    words: Vec<(String, String)>,
    patterns: Vec<(Regex, String)>,
    own: Option<Own>,
}

impl Masks {
    pub(super) fn new(case: &Case, words: &[(&str, &str)]) -> Self {
        let words = words.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
        let own = case.texts("hide").into_iter().map(|pattern| (pattern, "*".to_owned()));
        let common = HIDDEN.iter().map(|(pattern, word)| ((*pattern).to_owned(), (*word).to_owned()));
        Self {
            keys: case.texts("mask"),
            unordered: case.texts("unordered"),
            words,
            patterns: common.chain(own).map(|(pattern, word)| (Regex::new(&pattern).unwrap(), word)).collect(),
            own: case.is_here().then(Own::new),
        }
    }

    pub(super) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (from, to) in &self.words {
            text = text.replace(from, to);
        }
        for (pattern, word) in &self.patterns {
            text = pattern.replace_all(&text, fancy_regex::NoExpand(word)).into_owned();
        }
        text
    }

    /// The value without what differs by nature.
    pub(super) fn stable(&self, value: &Value) -> Value {
        match value {
            Value::Map(map) => self.map(map).into(),
            Value::List(list) => Value::List(list.iter().map(|item| self.stable(item)).collect()),
            _ => value.as_str().map_or_else(|| value.clone(), |text| self.text(text).into()),
        }
    }

    /// Lists that stand in no order, in one.
    fn ordered(&self, key: &str, value: Value) -> Value {
        let Value::List(list) = &value else { return value };
        if !self.unordered.iter().any(|one| one == key) {
            return value;
        }
        let mut items: Vec<Value> = list.iter().cloned().collect();
        items.sort_by_cached_key(|item| json::dumps(item, &JsonStyle::nice(0)).unwrap());
        Value::List(items.into_iter().collect())
    }

    fn map(&self, map: &Map) -> Map {
        let mut out = Map::new();
        for (key, value) in map.iter().filter(|(key, _)| key.as_str() != Some("exception")) {
            let name = key.as_str().unwrap_or_default();
            let masked = MASKED.contains(&name) || self.keys.iter().any(|one| one == name);
            let value = if name == "warnings" {
                // rplay's own: what an option that is not there may have been meant to be.
                let kept = value.as_list().into_iter().flatten();
                let kept: Vec<Value> = kept
                    .filter(|text| !text.as_str().is_some_and(|text| text.contains("did you mean")))
                    .map(|text| self.stable(text))
                    .collect();
                if kept.is_empty() {
                    continue;
                }
                Value::List(kept.into_iter().collect())
            } else if masked && !matches!(value, Value::Null) {
                "*".into()
            } else if self.own.as_ref().is_some_and(|own| own.is(name, value)) {
                "MINE".into()
            } else {
                self.ordered(name, self.stable(value))
            };
            let name = if name.is_empty() { key.clone() } else { Value::from(self.text(name)) };
            out.insert(name, value);
        }
        out
    }
}
