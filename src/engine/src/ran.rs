//! The result of a task on a host, and what outputs get to see of it.

use std::sync::Arc;

use rplay_event::{CENSORED, Delegate, Notice, Outcome, Report, TaskResult};
use rplay_value::{List, Map, Value};

/// What a result does besides being shown.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// Facts of a module, or of `set_fact`.
    Facts {
        facts: Map,
        /// From `set_fact`: variables, and facts too when `cacheable`.
        set: bool,
        cacheable: bool,
        /// Facts were gathered.
        gathered: bool,
    },
    /// Variables of `include_vars`.
    Vars(Map),
    /// A host for the inventory.
    AddHost { name: String, groups: Vec<String>, vars: Map },
    /// A group for the inventory.
    AddGroup { name: String, parents: Vec<String> },
    /// `set_stats`.
    Stats { data: Map, per_host: bool, aggregate: bool },
    /// A dynamic include.
    Include(IncludeRequest),
}

/// A dynamic include that a host came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum IncludeRequest {
    /// A file of tasks, as named.
    Tasks { file: String, vars: Map },
    /// A role.
    Role { name: String, from: rplay_playbook::RoleFiles<Arc<str>>, vars: Map },
}

/// What `exception` says of a failure that is no exception of Python's.
const NO_TRACEBACK: &str = "(traceback unavailable)";

/// The result of one execution.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ran {
    pub(crate) result: Map,
    pub(crate) verbose_always: bool,
    pub(crate) verbose_override: bool,
    pub(crate) no_log: bool,
    pub(crate) error: Option<Report>,
    pub(crate) warnings: Vec<Notice>,
    pub(crate) deprecations: Vec<Notice>,
    pub(crate) delegate: Option<Delegate>,
    pub(crate) delegate_facts: bool,
    pub(crate) ignore_errors: bool,
    pub(crate) ignore_unreachable: bool,
    pub(crate) notify: Vec<String>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) label: Option<Value>,
    /// The items of a loop.
    pub(crate) items: Option<Vec<Ran>>,
    /// Differences are to be shown.
    pub(crate) show_diff: bool,
}

fn flag(map: &Map, key: &str) -> bool {
    map.get(key).is_some_and(Value::is_true)
}

/// A deprecation as `register` stores it.
fn deprecated(notice: &Notice) -> Map {
    let by = notice.by.as_deref().unwrap_or("ansible.builtin");
    let by = [("resolved_name", Value::from(by)), ("type", notice.kind.clone().into())];
    let mut entry = Map::from_iter([("msg", Value::from(&notice.message))]);
    match (&notice.date, &notice.version) {
        (Some(date), None) => entry.insert("date", date.as_str()),
        _ => entry.insert("version", Value::from(notice.version.clone())),
    };
    entry.insert("collection_name", notice.collection());
    entry.insert("deprecator", Map::from_iter(by));
    entry
}

impl Ran {
    pub(crate) fn of(result: Map) -> Self {
        Self { result, ..Self::default() }
    }

    pub(crate) fn changed(&self) -> bool {
        flag(&self.result, "changed")
    }

    pub(crate) fn skipped(&self) -> bool {
        flag(&self.result, "skipped")
    }

    /// Failed; what `failed_when` said comes first.
    pub(crate) fn failed(&self) -> bool {
        let said = |ran: &Self| ran.result.get("failed_when_result").map(Value::is_true);
        if let Some(said) = said(self) {
            return said;
        }
        // Of a loop's items too: one that ran out of attempts is no failure where `failed_when` says so.
        let mut items = self.items.iter().flatten().filter_map(said).peekable();
        if items.peek().is_some() { items.any(|failed| failed) } else { flag(&self.result, "failed") }
    }

    pub(crate) fn unreachable(&self) -> bool {
        flag(&self.result, "unreachable")
    }

    /// How it ended.
    pub(crate) fn outcome(&self, rescued: bool) -> Outcome {
        if self.failed() {
            Outcome::Failed { ignored: self.ignore_errors, rescued }
        } else if self.unreachable() {
            Outcome::Unreachable { ignored: self.ignore_unreachable }
        } else if self.skipped() {
            Outcome::Skipped
        } else if self.changed() {
            Outcome::Changed
        } else {
            Outcome::Ok
        }
    }

    /// The results themselves: the items of a loop, or this one.
    pub(crate) fn parts(&self) -> &[Ran] {
        self.items.as_deref().unwrap_or(std::slice::from_ref(self))
    }

    /// What `register` stores.
    pub(crate) fn registered(&self) -> Value {
        let mut result = self.result.clone();
        result.remove("invocation");
        if !self.warnings.is_empty() {
            result.insert("warnings", texts(&self.warnings));
        }
        if !self.deprecations.is_empty() {
            result.insert("deprecations", self.deprecations.iter().map(deprecated).collect::<List>());
        }
        if self.error.is_some() && !result.contains("exception") {
            result.insert("exception", NO_TRACEBACK);
        }
        if let Some(items) = self.items.as_ref().filter(|items| items.iter().any(|item| item.error.is_some())) {
            result.insert("results", items.iter().map(Ran::registered_item).collect::<List>());
        }
        Value::Map(result)
    }

    /// What `register` stores of an item of a loop.
    fn registered_item(&self) -> Value {
        let mut result = self.result.clone();
        if self.error.is_some() && !result.contains("exception") {
            result.insert("exception", NO_TRACEBACK);
        }
        Value::Map(result)
    }

    /// What outputs get to see: cut under `no_log`.
    pub(crate) fn shown(&self) -> TaskResult {
        let data = if self.no_log { self.censored() } else { self.open() };
        TaskResult {
            data,
            label: if self.no_log { None } else { self.label.clone() },
            no_log: self.no_log,
            verbose_always: self.verbose_always && !self.no_log,
            verbose_override: self.verbose_override,
            delegated_to: self.delegate.clone(),
            error: if self.no_log { self.error.as_ref().map(redacted) } else { self.error.clone() },
            warnings: if self.no_log { Vec::new() } else { self.warnings.clone() },
            deprecations: if self.no_log { Vec::new() } else { self.deprecations.clone() },
        }
    }

    fn open(&self) -> Map {
        let mut data = self.result.clone();
        data.remove("failed");
        data.remove("skipped");
        data
    }

    fn censored(&self) -> Map {
        let mut data = censor(&self.result);
        if let Some(items) = &self.items {
            let results = items.iter().map(|item| if item.no_log { censor(&item.result) } else { item.result.clone() });
            data.insert("results", results.collect::<List>());
        }
        data
    }
}

/// What of a result remains under `no_log`.
fn censor(result: &Map) -> Map {
    let mut kept: Map = ["attempts", "changed", "retries"]
        .into_iter()
        .filter_map(|key| Some((key, result.get(key)?.clone())))
        .collect();
    kept.insert("censored", CENSORED);
    kept
}

/// A report without anything that a template or module said.
fn redacted(report: &Report) -> Report {
    Report::new(
        "Task failed.",
        report.chain.first().and_then(|cause| cause.place.clone()).map(|mut place| {
            place.lines.clear();
            place
        }),
    )
}

fn texts(notices: &[Notice]) -> List {
    notices.iter().map(|notice| Value::from(&notice.message)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_left_under_no_log() {
        let mut ran = Ran::of(Map::from_iter([
            ("stdout", Value::from("hunter2")),
            ("changed", Value::from(true)),
            ("rc", Value::from(1)),
        ]));
        ran.no_log = true;
        ran.label = Some(Value::from("hunter2"));
        ran.error = Some(Report::new("Task failed: hunter2", None));
        let shown = ran.shown();
        assert!(!serde_json::to_string(&shown).unwrap().contains("hunter2"));
        assert_eq!(shown.data.len(), 2);
    }
}
