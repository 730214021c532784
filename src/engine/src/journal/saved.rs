//! A result as a journal keeps it: what the run needs of it later, not what is shown of it.

use std::sync::Arc;

use rplay_event::{Delegate, Notice, Report};
use rplay_journal::{Written, map};
use rplay_playbook::{Include, RoleFiles};
use rplay_value::{Map, Value};
use serde::{Deserialize, Serialize};

use crate::ran::{Effect, IncludeRequest, Ran};
use crate::task::TaskCx;

/// A result on disk. Its texts of display (labels, places, differences) are not kept: it has been shown.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Saved {
    #[serde(with = "map")]
    result: Map,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    effects: Vec<SavedEffect>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notify: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Notice>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    deprecations: Vec<Notice>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delegate: Option<Delegate>,
    #[serde(default, skip_serializing_if = "is_false")]
    delegate_facts: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    ignore_errors: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    ignore_unreachable: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    no_log: bool,
    /// There was a report: a registered result says so.
    #[serde(default, skip_serializing_if = "is_false")]
    error: bool,
    /// A loop over nothing.
    #[serde(default, skip_serializing_if = "is_false")]
    empty_loop: bool,
    /// For the part of a secret: the run needs more than this part.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) needs_whole: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SavedEffect {
    Facts {
        /// `None`: those of the result.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        facts: Option<SavedMap>,
        set: bool,
        cacheable: bool,
        gathered: bool,
    },
    Vars {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        vars: Option<SavedMap>,
    },
    AddHost {
        name: String,
        groups: Vec<String>,
        vars: SavedMap,
    },
    AddGroup {
        name: String,
        parents: Vec<String>,
    },
    Stats {
        data: SavedMap,
        per_host: bool,
        aggregate: bool,
    },
    /// Its variables are the task's and the item's.
    Tasks {
        file: String,
    },
    Role {
        name: String,
        from: [Option<Arc<str>>; 4],
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct SavedMap(#[serde(with = "map")] Map);

impl SavedEffect {
    fn of(effect: &Effect, result: &Map) -> Self {
        // Most facts are in the result too: they are kept once.
        let other = |map: &Map| {
            let same = matches!(result.get("ansible_facts"), Some(Value::Map(own)) if own.same(map) || own == map);
            (!same).then(|| SavedMap(map.clone()))
        };
        match effect {
            Effect::Facts { facts, set, cacheable, gathered } => {
                Self::Facts { facts: other(facts), set: *set, cacheable: *cacheable, gathered: *gathered }
            }
            Effect::Vars(vars) => Self::Vars { vars: other(vars) },
            Effect::AddHost { name, groups, vars } => {
                Self::AddHost { name: name.clone(), groups: groups.clone(), vars: SavedMap(vars.clone()) }
            }
            Effect::AddGroup { name, parents } => Self::AddGroup { name: name.clone(), parents: parents.clone() },
            Effect::Stats { data, per_host, aggregate } => {
                Self::Stats { data: SavedMap(data.clone()), per_host: *per_host, aggregate: *aggregate }
            }
            Effect::Include(IncludeRequest::Tasks { file, .. }) => Self::Tasks { file: file.clone() },
            Effect::Include(IncludeRequest::Role { name, from, .. }) => Self::Role {
                name: name.clone(),
                from: [&from.tasks, &from.vars, &from.defaults, &from.handlers].map(Clone::clone),
            },
        }
    }

    fn revived(self, result: &Map, cx: &TaskCx<'_>, item: &Map) -> Effect {
        let facts_of = |facts: Option<SavedMap>| match facts {
            Some(SavedMap(facts)) => facts,
            None => result.get("ansible_facts").and_then(Value::as_map).cloned().unwrap_or_default(),
        };
        let vars = || {
            let mut vars = cx.task.common.vars.clone();
            vars.extend(item.clone());
            if let Some(Include::Tasks { params, .. }) = &cx.task.include {
                vars.extend(params.clone());
            }
            vars
        };
        match self {
            Self::Facts { facts, set, cacheable, gathered } => {
                Effect::Facts { facts: facts_of(facts), set, cacheable, gathered }
            }
            Self::Vars { vars } => Effect::Vars(facts_of(vars)),
            Self::AddHost { name, groups, vars } => Effect::AddHost { name, groups, vars: vars.0 },
            Self::AddGroup { name, parents } => Effect::AddGroup { name, parents },
            Self::Stats { data, per_host, aggregate } => Effect::Stats { data: data.0, per_host, aggregate },
            Self::Tasks { file } => Effect::Include(IncludeRequest::Tasks { file, vars: vars() }),
            Self::Role { name, from: [tasks, own, defaults, handlers] } => {
                let from = RoleFiles { tasks, vars: own, defaults, handlers };
                Effect::Include(IncludeRequest::Role { name, from, vars: vars() })
            }
        }
    }
}

/// What of a secret result is none: how it ended.
const PLAIN: &[&str] = &[
    "changed",
    "failed",
    "skipped",
    "unreachable",
    "failed_when_result",
    "attempts",
    "retries",
    "finished",
    "started",
];

impl Saved {
    /// A result, but for the variables of its item.
    pub(crate) fn of(ran: &Ran, own: &Map) -> Self {
        let mut result = ran.result.clone();
        if own.is_empty() {
            // `register` has no use for it.
            result.remove("invocation");
        }
        for key in own.texts().map(|(key, _)| key) {
            result.remove(key);
        }
        Self {
            effects: ran.effects.iter().map(|effect| SavedEffect::of(effect, &ran.result)).collect(),
            notify: ran.notify.clone(),
            warnings: plain(&ran.warnings),
            deprecations: plain(&ran.deprecations),
            delegate: ran.delegate.clone(),
            delegate_facts: ran.delegate_facts,
            ignore_errors: ran.ignore_errors,
            ignore_unreachable: ran.ignore_unreachable,
            no_log: ran.no_log,
            error: ran.error.is_some(),
            empty_loop: ran.items.as_ref().is_some_and(Vec::is_empty),
            needs_whole: false,
            result,
        }
    }

    /// What of a secret result is none.
    fn part(ran: &Ran, registered: bool) -> Self {
        let kept = PLAIN.iter().filter_map(|key| match ran.result.get(key)? {
            value @ (Value::Bool(_) | Value::Int(_)) => Some((*key, value.clone())),
            _ => None,
        });
        Self {
            result: kept.collect(),
            notify: ran.notify.clone(),
            delegate: ran.delegate.clone(),
            ignore_errors: ran.ignore_errors,
            ignore_unreachable: ran.ignore_unreachable,
            no_log: true,
            error: ran.error.is_some(),
            empty_loop: ran.items.as_ref().is_some_and(Vec::is_empty),
            needs_whole: registered || !ran.effects.is_empty(),
            ..Self::default()
        }
    }

    /// The result again.
    pub(crate) fn revived(self, cx: &TaskCx<'_>, own: &Map) -> Ran {
        let result = self.result;
        let effects = self.effects.into_iter().map(|effect| effect.revived(&result, cx, own)).collect();
        let mut ran = Ran {
            effects,
            notify: self.notify,
            warnings: self.warnings,
            deprecations: self.deprecations,
            delegate: self.delegate,
            delegate_facts: self.delegate_facts,
            ignore_errors: self.ignore_errors,
            ignore_unreachable: self.ignore_unreachable,
            no_log: self.no_log,
            error: self.error.then(|| Report::new("Task failed.", None)),
            items: self.empty_loop.then(Vec::new),
            ..Ran::of(result)
        };
        ran.result.extend(own.clone());
        ran
    }

    /// Makes a result that was had again count as it counted then.
    pub(crate) fn counted(&self, ran: &mut Ran) {
        if ran.failed() || ran.unreachable() || ran.skipped() {
            return;
        }
        if let Some(changed) = self.result.get("changed") {
            ran.result.insert("changed", changed.clone());
        }
        ran.notify.clone_from(&self.notify);
    }
}

/// Messages without the lines of files around their places.
fn plain(notices: &[Notice]) -> Vec<Notice> {
    notices.iter().map(|notice| Notice { place: None, ..notice.clone() }).collect()
}

/// A result, split when it is secret.
pub(crate) struct Form {
    whole: Saved,
    part: Option<Saved>,
}

impl Form {
    pub(crate) fn of(ran: &Ran, own: &Map, cx: &TaskCx<'_>) -> Self {
        let hidden_answer =
            ran.result.get("user_input").is_some() && ran.result.get("echo").and_then(Value::as_bool) == Some(false);
        let secret = ran.no_log || hidden_answer;
        let part = secret.then(|| Saved::part(ran, cx.task.register.is_some()));
        Self { whole: Saved::of(ran, own), part }
    }

    pub(crate) fn written(&self) -> Written<'_, Saved> {
        match &self.part {
            None => Written::Open(&self.whole),
            Some(part) => Written::Secret(part, &self.whole),
        }
    }
}
