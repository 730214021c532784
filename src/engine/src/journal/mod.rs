//! The run's journal: each result is written before its host goes on, and a run that goes on after a failure or a kill
//! takes the results of what is done from there.
//!
//! Such a run walks its plan as any run does. A step whose result is known is not run; its result is taken in as if it
//! had just come, so that facts, notifications, includes and the place in blocks follow by themselves, and nothing is
//! evaluated a second time. From the first step on that the journal does not know, a host runs everything.

mod quiet;
mod saved;

use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rplay_event::TaskId;
use rplay_journal::{Content, Journal, Kept, Known, State, StepKey, Written};
use rplay_playbook::{Play, PromptVar, Task};
use rplay_template::Scope;
use rplay_value::{List, Map, Value};
use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};

use crate::action::ActionCx;
use crate::plan::{LevelKind, Step};
use crate::ran::Ran;
use crate::run::Run;
use crate::strategy::{HostRan, PlayRun};
use crate::task::TaskCx;
use crate::trouble::Trouble;

pub(crate) use quiet::Quiet;
use saved::{Form, Saved};

/// Where a result comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The task has just run.
    #[default]
    Now,
    /// The journal: nothing is shown or written.
    Journal,
    /// The task has run again for what the journal does not hold; nothing is written.
    Again,
}

/// What is known of a step that is to run.
#[derive(Debug)]
pub(crate) struct Before {
    kept: Option<Kept>,
    /// It is done, but its result is a secret that the journal does not hold.
    done: bool,
    /// The host may have been at it when the run was interrupted: the time of that, in milliseconds.
    since: Option<Range<u64>>,
    /// The items of its loop are others now: nothing that is known of them counts.
    stale: AtomicBool,
}

/// The items of a loop.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct Items(#[serde(with = "rplay_journal::value")] Value);

/// What becomes of a host at a step.
pub(crate) enum CaughtUp {
    /// It runs the step; perhaps some of it is done.
    Runs(Option<Arc<Before>>),
    /// It has.
    Has(u32, Box<Ran>),
    /// The user left the step out.
    Passes,
}

impl Run {
    pub(crate) fn journal(&self) -> Option<&Arc<Journal>> {
        self.options().journal.as_ref()
    }

    /// The journal, while it knows of steps that are ahead.
    pub(crate) fn replayed(&self) -> Option<&Arc<Journal>> {
        self.quiet().and_then(|_| self.journal()).filter(|journal| journal.goes_on())
    }

    /// What is emitted until the returned value goes back in has been shown before.
    pub(crate) fn mute(&self, muted: bool) -> bool {
        self.quiet().is_some_and(|quiet| quiet.mute(muted))
    }

    /// Whether the journal knows of steps that are ahead of a host.
    pub(crate) fn is_behind(&self, host: &str) -> bool {
        self.replayed().is_some_and(|journal| journal.is_behind(host))
    }

    /// What tells a step from others in every run of the playbook.
    pub(crate) fn step_key(&self, step: &Step) -> StepKey {
        let sources = &self.options().sources;
        let mut at = match step.span().and_then(|span| sources.position(span)) {
            Some(position) => position.to_string(),
            None => StepKey::FACTS.to_owned(),
        };
        for level in step.level.outward() {
            if let LevelKind::Include { file, .. } = &level.kind {
                at.push_str(" < ");
                match file {
                    Some(file) => at.push_str(&file.to_string_lossy()),
                    None => at.push_str(step.role.as_ref().map_or("", |role| &role.name)),
                }
            }
        }
        let own = |task: &Arc<Task>| task.name.as_ref().unwrap_or(&task.action.name).to_string();
        let name = step.task().map(own).unwrap_or_default();
        let name = match &step.role {
            Some(role) => format!("{} : {name}", role.name),
            None => name,
        };
        StepKey { at, name }
    }

    /// Says once why there is no journal any more.
    pub(crate) fn check_journal(&self) {
        if let Some(trouble) = self.journal().and_then(|journal| journal.trouble()) {
            let message = format!("The journal of this run ends here, it cannot be resumed: {trouble}");
            self.warn(rplay_event::Notice::new(message));
        }
    }

    /// The answer to a question, when it was given before.
    pub(crate) fn kept_answer(&self, prompt: &PromptVar) -> Option<Value> {
        let at = self.question(prompt);
        match self.journal()?.take_answer(&at, &prompt.name)? {
            Content::Whole(Items(answer)) => Some(answer),
            Content::Part(_) => None,
        }
    }

    /// Keeps the answer to a question; a secret one only sealed.
    pub(crate) fn keep_answer(&self, prompt: &PromptVar, answer: &Value) {
        let Some(journal) = self.journal() else { return };
        let answer = Items(answer.clone());
        let written = if prompt.private { Written::Secret(&answer, &answer) } else { Written::Open(&answer) };
        journal.write_answer(&self.question(prompt), &prompt.name, &written);
    }

    fn question(&self, prompt: &PromptVar) -> String {
        let place = prompt.span.and_then(|span| self.options().sources.position(span));
        place.map(|place| place.to_string()).unwrap_or_default()
    }

    /// The hosts of a play whose order chance decided: as it was decided the first time.
    pub(crate) fn kept_order(&self, play: &Play, hosts: Vec<Arc<str>>) -> Vec<Arc<str>> {
        let place = play.span.and_then(|span| self.options().sources.position(span));
        let at = place.map(|place| place.to_string()).unwrap_or_default();
        self.journal().map_or(hosts.clone(), |journal| journal.order(&at, hosts))
    }
}

impl PlayRun<'_> {
    /// Writes a result, unless it came from the journal. A failure that ends the host's part is run again later.
    pub(crate) fn keep(&self, step: &Arc<Step>, id: TaskId, done: &HostRan, rescued: bool) {
        let run = self.run();
        let Some(journal) = run.journal().filter(|_| done.from == Origin::Now) else { return };
        let Some(task) = step.task() else { return };
        let ran = &done.ran;
        let lost = ran.failed() && !ran.ignore_errors && !rescued
            || !ran.failed() && ran.unreachable() && !ran.ignore_unreachable;
        let state = if lost { State::Failed } else { State::Done };
        let key = || run.step_key(step);
        if let Some(items) = ran.items.as_ref().filter(|items| !items.is_empty()) {
            journal.write_ran::<Saved>(id.0, key, &done.host, state, Err(items.len()));
        } else {
            let host = Arc::clone(&done.host);
            let cx = TaskCx { run, play: self.play_scope(), step, task, host, id, overrides: None, before: None };
            let form = Form::of(ran, &Map::new(), &cx);
            journal.write_ran(id.0, key, &done.host, state, Ok(&form.written()));
        }
        run.check_journal();
    }

    /// What a host still has to do at a step.
    pub(crate) fn catch_up(&self, step: &Arc<Step>, task: &Task, id: TaskId, host: &Arc<str>) -> CaughtUp {
        let run = self.run();
        let Some(journal) = run.journal().filter(|_| run.quiet().is_some()) else { return CaughtUp::Runs(None) };
        let (kept, done) = match journal.take(host, &run.step_key(step)) {
            Known::Nothing | Known::Decided(true) => (None, false),
            Known::Decided(false) => return CaughtUp::Passes,
            Known::Done(kept) => (Some(kept), true),
            Known::Open(kept) => (Some(kept), false),
        };
        let order = kept.as_ref().map_or(0, |kept| kept.order);
        let since = if done { None } else { journal.interrupted(host) };
        let before = Arc::new(Before { kept, done, since, stale: AtomicBool::new(false) });
        if !done {
            return CaughtUp::Runs(Some(before));
        }
        let cx = TaskCx {
            run,
            play: self.play_scope(),
            step,
            task,
            host: Arc::clone(host),
            id,
            overrides: None,
            before: Some(Arc::clone(&before)),
        };
        match cx.known() {
            Some(ran) => CaughtUp::Has(order, Box::new(ran)),
            None => CaughtUp::Runs(Some(before)),
        }
    }

    /// The host that ran a step for all: the one that the journal has it from.
    pub(crate) fn ran_once(&self, step: &Step, group: &[Arc<str>]) -> Option<Arc<str>> {
        let journal = self.run().replayed()?;
        let key = self.run().step_key(step);
        group.iter().find(|host| journal.knows(host, &key)).cloned()
    }
}

impl TaskCx<'_> {
    fn journal(&self) -> Option<&Journal> {
        self.run.journal().map(|journal| &**journal)
    }

    /// A journal to write items to: what is run again for a secret is written already.
    fn open_journal(&self) -> Option<&Journal> {
        self.journal().filter(|_| !self.before.as_ref().is_some_and(|before| before.done))
    }

    /// Where this run's result comes from.
    pub(crate) fn from(&self) -> Origin {
        if self.before.as_ref().is_some_and(|before| before.done) { Origin::Again } else { Origin::Now }
    }

    /// The whole result, when the journal holds all that the run needs of it.
    fn known(&self) -> Option<Ran> {
        let (journal, kept) = (self.journal()?, self.before.as_ref()?.kept.as_ref()?);
        let Some(count) = kept.count else {
            return match journal.result::<Saved>(kept)? {
                Content::Part(saved) if saved.needs_whole => None,
                Content::Whole(saved) | Content::Part(saved) => Some(saved.revived(self, &Map::new())),
            };
        };
        let scope = self.scope().ok()?;
        let items = match journal.list::<Items>(kept) {
            Some(Content::Whole(Items(Value::List(items)))) => Some(items),
            _ => None,
        };
        let mut rans = Vec::with_capacity(count as usize);
        for index in 0..count as usize {
            let own = match &items {
                Some(items) => self.item_of(&scope, items, index)?,
                None => Map::new(),
            };
            let ran = match journal.item::<Saved>(kept, index)? {
                Content::Part(saved) if saved.needs_whole => return None,
                Content::Whole(saved) | Content::Part(saved) => saved.revived(self, &own),
            };
            rans.push(Ran { label: items.as_ref().and_then(|items| items.get(index)).cloned(), ..ran });
        }
        Some(crate::loops::summary(rans))
    }

    /// The items of the task's loop: those of a loop that was under way, whatever they would be now. A loop that failed
    /// may have failed for its items, so they are looked up again; what is known counts when they are the same.
    pub(crate) fn items(&self, scope: &Scope) -> Result<Option<List>, Trouble> {
        let kept = self.kept_items();
        let before = self.before.as_ref();
        let failed = before.is_some_and(|before| before.kept.as_ref().is_some_and(|kept| kept.failed));
        if kept.is_some() && !failed {
            return Ok(kept);
        }
        let items = self.loop_items(scope)?;
        if kept.is_some() && kept == items {
            return Ok(items);
        }
        if let Some(before) = before {
            before.stale.store(true, Ordering::Relaxed);
        }
        if let Some(items) = items.as_ref().filter(|items| !items.is_empty()) {
            self.keep_items(scope, items);
        }
        Ok(items)
    }

    fn kept_items(&self) -> Option<List> {
        match self.journal()?.list::<Items>(self.before.as_ref()?.kept.as_ref()?)? {
            Content::Whole(Items(Value::List(items))) => Some(items),
            _ => None,
        }
    }

    /// Keeps the items of a loop: what they came from may not say the same again.
    fn keep_items(&self, scope: &Scope, items: &List) {
        let Some(journal) = self.open_journal() else { return };
        let hidden = self
            .run
            .maybe::<bool>("no_log", self.step.keywords(|c| c.no_log.as_ref()), scope)
            .map_or(true, |value| value.unwrap_or(false));
        let whole = Items(Value::List(items.clone()));
        let part = Items(Value::Null);
        let written = if hidden { Written::Secret(&part, &whole) } else { Written::Open(&whole) };
        journal.write_loop(self.id.0, || self.run.step_key(self.step), &self.host, &written);
    }

    /// The result of an item that is done.
    pub(crate) fn kept_item(&self, index: usize, own: &Map) -> Option<Ran> {
        if self.before.as_ref()?.stale.load(Ordering::Relaxed) {
            return None;
        }
        let (journal, kept) = (self.journal()?, self.before.as_ref()?.kept.as_ref()?);
        match journal.item::<Saved>(kept, index)? {
            Content::Part(saved) if saved.needs_whole => None,
            Content::Whole(saved) | Content::Part(saved) => Some(saved.revived(self, own)),
        }
    }

    /// Keeps the result of an item. One that ran again for its secret counts as it did.
    pub(crate) fn keep_item(&self, index: usize, own: &Map, ran: &mut Ran) {
        if let Some(kept) = self.done_before() {
            if let Some(Content::Part(saved)) = self.journal().and_then(|journal| journal.item::<Saved>(kept, index)) {
                saved.counted(ran);
            }
            return;
        }
        let Some(journal) = self.open_journal() else { return };
        let lost = ran.failed() && !ran.ignore_errors || !ran.failed() && ran.unreachable() && !ran.ignore_unreachable;
        let state = if lost { State::Failed } else { State::Done };
        let form = Form::of(ran, own, self);
        let key = || self.run.step_key(self.step);
        journal.write_item(self.id.0, key, &self.host, index, state, &form.written());
    }

    fn done_before(&self) -> Option<&Kept> {
        self.before.as_ref().filter(|before| before.done)?.kept.as_ref()
    }

    /// Of a task that may have been under way when the run was interrupted: what it finds as it should be counts as
    /// changed when it was changed since the host's last result. Who is to be told of the change is told then.
    pub(crate) async fn changed_before(&self, cx: &mut ActionCx<'_>, ran: &mut Ran) {
        let Some(since) = self.before.as_ref().and_then(|before| before.since.clone()) else { return };
        let short = cx.name.rsplit('.').next().unwrap_or_default();
        if ran.failed() || ran.skipped() || cx.settings.check || !WRITERS.contains(&short) {
            return;
        }
        let named =
            |key: &&str| ran.result.get(key).or_else(|| cx.args.get(key)).filter(|path| path.as_str().is_some());
        let Some(path) = ["dest", "path"].iter().find_map(named).cloned() else { return };
        self.remove_left_behind(cx, &path.to_str(), &since).await;
        if ran.changed() {
            return;
        }
        let mut args = Map::from_iter([("path", path.clone())]);
        for option in ["get_checksum", "get_mime", "get_attributes"] {
            args.insert(option, false);
        }
        let Ok(reply) = cx.module("ansible.builtin.stat", args).await else { return };
        let Some(stat) = reply.data.get("stat").and_then(Value::as_map) else { return };
        let time = |key: &str| stat.get(key).and_then(Value::as_float).unwrap_or(0.0);
        if time("ctime") * 1000.0 < since.start as f64 {
            return;
        }
        // A folder changes with its entries too: only one that is empty is new, or one whose own properties are.
        let folder = stat.get("isdir").is_some_and(Value::is_true);
        if folder && time("ctime").to_bits() == time("mtime").to_bits() {
            let args = Map::from_iter([("paths", path), ("file_type", "any".into()), ("hidden", true.into())]);
            let Ok(reply) = cx.module("ansible.builtin.find", args).await else { return };
            if reply.data.get("matched").and_then(Value::as_int) != Some(0) {
                return;
            }
        }
        ran.result.insert("changed", true);
    }

    /// Removes what a killed task was writing under another name, to put it in the place of this file at once.
    async fn remove_left_behind(&self, cx: &mut ActionCx<'_>, path: &str, since: &Range<u64>) {
        let path = Path::new(path);
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return };
        let args = Map::from_iter([
            ("paths", Value::from(&*folder.to_string_lossy())),
            ("patterns", Value::from(format!(".ansible_tmp*{}", name.to_string_lossy()))),
            ("hidden", true.into()),
        ]);
        let Ok(reply) = cx.module("ansible.builtin.find", args).await else { return };
        for found in reply.data.get("files").and_then(Value::as_list).into_iter().flatten() {
            let time = found.get("mtime").and_then(Value::as_float).unwrap_or(0.0) * 1000.0;
            // What another task is writing now is younger.
            if time >= since.start as f64
                && time < since.end as f64
                && let Some(path) = found.get("path")
            {
                let args = Map::from_iter([("path", path.clone()), ("state", "absent".into())]);
                // What stays behind harms nobody.
                let _ = cx.module("ansible.builtin.file", args).await;
            }
        }
    }

    /// Makes a result that was had again for its secret count as it counted.
    pub(crate) fn counted(&self, mut ran: Ran) -> Ran {
        if let Some(kept) = self.done_before()
            && let Some(Content::Part(saved)) = self.journal().and_then(|journal| journal.result::<Saved>(kept))
        {
            saved.counted(&mut ran);
        }
        ran
    }

    /// The background job that this call has started before the run was killed.
    pub(crate) fn kept_job(&self, call: &str) -> Option<String> {
        let before = self.before.as_ref().filter(|before| !before.done)?;
        before.kept.as_ref()?.jobs.iter().rev().find(|(_, own)| own == call).map(|(job, _)| job.clone())
    }

    /// Keeps that a call has started a background job.
    pub(crate) fn keep_job(&self, call: &str, job: &str, hidden: bool) {
        let Some(journal) = self.open_journal().filter(|_| !hidden) else { return };
        journal.write_job(self.id.0, || self.run.step_key(self.step), &self.host, job, call);
    }
}

/// Modules whose work is a file, which says itself when it was changed.
const WRITERS: &[&str] =
    &["assemble", "blockinfile", "copy", "file", "get_url", "lineinfile", "replace", "template", "unarchive"];

/// What tells a call from others of its task.
pub(crate) fn digest_of_call(name: &str, args: &Map) -> String {
    let text = serde_json::to_string(args).unwrap_or_default();
    let digest = Sha1::new().chain_update(name).chain_update([0]).chain_update(text).finalize();
    digest.iter().fold(String::with_capacity(40), |mut text, byte| {
        // Writing into a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
