//! What a journal knows of each host's steps: where in the file their results are, not the results themselves.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use crate::error::JournalError;
use crate::line::{
    EndLine, FORMAT, FileLine, ItemLine, JobLine, Line, LoopLine, Name, OrderLine, RanLine, RunHead, State, TaskLine,
};

/// What tells a step from others: as lines of `task` have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepKey {
    /// `file:line:column`, then ` < ` and the files and roles that included it, innermost first.
    pub at: String,
    /// As written, with its role; the action's name without one.
    pub name: String,
}

impl StepKey {
    /// What stands for the place of the implicit gathering of facts, which may be left out when facts are known.
    pub const FACTS: &'static str = "<gathering facts>";
}

/// What the journal knows of a host's next step.
#[derive(Debug)]
pub enum Known {
    /// Nothing: it is to be run.
    Nothing,
    /// It is done.
    Done(Kept),
    /// It began: it is to be run again, without the items that are done.
    Open(Kept),
    /// It was decided.
    Decided(bool),
}

/// Where in the file something is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub(crate) offset: u64,
    pub(crate) length: u32,
}

/// What is kept of a step.
#[derive(Debug)]
pub struct Kept {
    /// Its position among all results: those of hosts that do not wait for one another are taken in this order.
    pub order: u32,
    pub(crate) whole: Option<At>,
    pub(crate) list: Option<At>,
    pub(crate) items: BTreeMap<u32, At>,
    /// How many items the result has, when it is that of a loop.
    pub count: Option<u32>,
    /// It failed: what it works on may be another by now.
    pub failed: bool,
    /// Background jobs, each with the digest of its call.
    pub jobs: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    Done,
    Failed,
    Decided(bool),
}

/// What only loops and background jobs have.
#[derive(Debug, Default)]
struct More {
    list: Option<At>,
    items: BTreeMap<u32, (At, State)>,
    count: Option<u32>,
    jobs: Vec<(String, String)>,
}

#[derive(Debug)]
struct Step {
    task: u32,
    order: u32,
    stage: Stage,
    whole: Option<At>,
    more: Option<Box<More>>,
}

impl Step {
    fn new(task: u32, order: u32) -> Self {
        Self { task, order, stage: Stage::Open, whole: None, more: None }
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    fn kept(self) -> Kept {
        let more = self.more.map(|more| *more).unwrap_or_default();
        // What failed is run again, unless its failure was lived with.
        let done = self.stage == Stage::Done;
        let items = more.items.into_iter().filter(|(_, (_, state))| done || *state == State::Done);
        Kept {
            order: self.order,
            whole: self.whole.filter(|_| done),
            list: more.list,
            items: items.map(|(index, (at, _))| (index, at)).collect(),
            count: more.count.filter(|_| done),
            failed: self.stage == Stage::Failed,
            jobs: if done { Vec::new() } else { more.jobs },
        }
    }
}

/// A journal that was read.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) head: RunHead,
    pub(crate) key: Option<String>,
    pub(crate) files: HashMap<String, String>,
    pub(crate) orders: HashMap<String, Vec<Arc<str>>>,
    pub(crate) answers: Vec<(String, String, At)>,
    /// How it ended, unless it went on after that.
    pub(crate) end: Option<EndLine>,
    /// Bytes of whole lines: what comes after them is torn.
    pub(crate) length: u64,
    /// When each host's last result came, in milliseconds since the epoch.
    pub(crate) times: HashMap<Arc<str>, u64>,
    tasks: HashMap<u32, TaskLine>,
    plays: HashMap<u32, HashMap<Arc<str>, Vec<Step>>>,
    hosts: HashSet<Arc<str>>,
    latest: HashMap<Arc<str>, u32>,
    results: u32,
}

/// Every whole line of a file with where it is. The length of them all.
pub(crate) fn lines(
    path: &Path,
    mut each: impl FnMut(Line<'_>, At) -> Result<(), String>,
) -> Result<u64, JournalError> {
    let file = fs_err::File::open(path).map_err(JournalError::io(path))?;
    let mut input = BufReader::with_capacity(1 << 16, file);
    let mut line = Vec::new();
    let mut offset = 0;
    let mut number = 0;
    loop {
        line.clear();
        let read = input.read_until(b'\n', &mut line).map_err(JournalError::io(path))?;
        // What has no end was being written when the run was killed.
        if line.last() != Some(&b'\n') {
            return Ok(offset);
        }
        number += 1;
        let at = At { offset, length: u32::try_from(read).unwrap_or(u32::MAX) };
        let parsed = serde_json::from_slice(&line).map_err(|error| error.to_string());
        parsed.and_then(|line| each(line, at)).map_err(|message| JournalError::Line {
            path: path.to_owned(),
            line: number,
            message,
        })?;
        offset += read as u64;
    }
}

impl Index {
    pub(crate) fn read(path: &Path) -> Result<Self, JournalError> {
        let mut index = Self::default();
        index.length = lines(path, |line, at| index.take(line, at))?;
        if index.head.format != FORMAT {
            return Err(JournalError::Format { path: path.to_owned(), found: index.head.format, known: FORMAT });
        }
        Ok(index)
    }

    pub(crate) fn last_task(&self) -> u32 {
        self.tasks.keys().copied().max().unwrap_or(0)
    }

    fn take(&mut self, line: Line<'_>, at: At) -> Result<(), String> {
        match line {
            Line::Run(head) => self.head = head,
            Line::Key(key) => self.key = Some(key.envelope),
            Line::File(FileLine { path, sha256 }) => _ = self.files.insert(path, sha256),
            Line::Order(OrderLine { at, hosts }) => _ = self.orders.insert(at, hosts),
            Line::Answer(answer) => self.answers.push((answer.at, answer.name, at)),
            Line::Play(_) => {}
            Line::Task(task) => _ = self.tasks.insert(task.t, task),
            Line::Resumed(_) => self.end = None,
            Line::End(end) => self.end = Some(end),
            Line::Cleared(cleared) => self.clear(cleared.p),
            Line::Undone(line) => {
                let host = self.host(&line.h);
                if let Some(step) = self.steps(line.p, &host).get_mut(line.n as usize) {
                    step.stage = Stage::Failed;
                }
            }
            Line::Loop(LoopLine { t, h, n }) => {
                if let Some(step) = self.step(t, &h, n)? {
                    let more = step.more();
                    more.list = Some(at);
                    more.items.clear();
                }
            }
            Line::Item(ItemLine { t, h, n, i, s, at: time }) => {
                let host = self.host(&h);
                self.times.insert(host, time);
                if let Some(step) = self.step(t, &h, n)? {
                    step.more().items.insert(i, (at, s));
                }
            }
            Line::Job(JobLine { t, h, n, jid, call }) => {
                if let Some(step) = self.step(t, &h, n)? {
                    step.more().jobs.push((jid, call));
                }
            }
            Line::Ran(RanLine { t, h, n, s, at: time, items, w, x }) => {
                let host = self.host(&h);
                self.times.insert(host, time);
                self.results += 1;
                let order = self.results;
                if let Some(step) = self.step(t, &h, n)? {
                    step.order = order;
                    step.stage = if s == State::Done { Stage::Done } else { Stage::Failed };
                    step.whole = (w.is_some() || x.is_some()).then_some(at);
                    if items.is_some() {
                        step.more().count = items;
                    }
                }
            }
            Line::Decided(line) => {
                self.results += 1;
                let order = self.results;
                if let Some(step) = self.step(line.t, &line.h, line.n)? {
                    step.order = order;
                    step.stage = Stage::Decided(line.yes);
                }
            }
        }
        Ok(())
    }

    fn host(&mut self, name: &Name<'_>) -> Arc<str> {
        if let Some(host) = self.hosts.get(&**name) {
            return Arc::clone(host);
        }
        let host: Arc<str> = Arc::from(&**name);
        self.hosts.insert(Arc::clone(&host));
        host
    }

    fn steps(&mut self, play: u32, host: &Arc<str>) -> &mut Vec<Step> {
        self.plays.entry(play).or_default().entry(Arc::clone(host)).or_default()
    }

    /// The step that a line is about. `None` when the steps before it do not count any more.
    fn step(&mut self, task: u32, host: &Name<'_>, n: u32) -> Result<Option<&mut Step>, String> {
        let known = self.tasks.get(&task).ok_or_else(|| format!("there is no task {task} before it"))?;
        let (play, place) = (known.p, Arc::clone(&known.at));
        let host = self.host(host);
        // The run went on from here: later plays of the host come again.
        let latest = self.latest.entry(Arc::clone(&host)).or_insert(play);
        if *latest > play {
            for later in play + 1..=*latest {
                if let Some(hosts) = self.plays.get_mut(&later) {
                    hosts.remove(&host);
                }
            }
        }
        *latest = play;
        let n = n as usize;
        let order = self.results;
        let same = self.steps(play, &host).get(n).map(|step| (step.task, step.stage)).is_some_and(|(at, stage)| {
            matches!(stage, Stage::Open | Stage::Failed)
                && (at == task || self.tasks.get(&at).is_some_and(|known| known.at == place))
        });
        let steps = self.steps(play, &host);
        if n > steps.len() {
            return Ok(None);
        }
        if same {
            steps.truncate(n + 1);
            if let Some(step) = steps.last_mut().filter(|step| step.stage == Stage::Failed) {
                step.stage = Stage::Open;
                if let Some(more) = &mut step.more {
                    more.items.retain(|_, (_, state)| *state == State::Done);
                    more.count = None;
                }
            }
        } else {
            steps.truncate(n);
            steps.push(Step::new(task, order));
        }
        Ok(steps.last_mut())
    }

    /// Failures up to a play are forgotten: their hosts went on.
    fn clear(&mut self, play: u32) {
        for (_, hosts) in self.plays.iter_mut().filter(|(own, _)| **own <= play) {
            for step in hosts.values_mut().flatten().filter(|step| step.stage == Stage::Failed) {
                step.stage = Stage::Done;
            }
        }
    }

    /// What a run that goes on has ahead of it. `changed` are the files whose tasks are told by their names.
    pub(crate) fn replay(&mut self, changed: HashSet<String>) -> Replay {
        let mut replay = Replay { tasks: std::mem::take(&mut self.tasks), changed, ..Replay::default() };
        let mut plays: Vec<_> = std::mem::take(&mut self.plays).into_iter().collect();
        plays.sort_unstable_by_key(|(play, _)| *play);
        let mut out: HashSet<Arc<str>> = HashSet::new();
        for (play, hosts) in plays {
            let kept = replay.plays.entry(play).or_default();
            for (host, mut steps) in hosts {
                if out.contains(&host) {
                    continue;
                }
                if let Some(at) = steps.iter().position(|step| step.stage == Stage::Failed) {
                    steps.truncate(at + 1);
                    out.insert(Arc::clone(&host));
                }
                replay.total += steps.len();
                *replay.left.entry(Arc::clone(&host)).or_default() += steps.len();
                kept.insert(host, steps.into());
            }
        }
        replay
    }
}

/// What is left of a journal while a run catches up with it.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    tasks: HashMap<u32, TaskLine>,
    changed: HashSet<String>,
    plays: HashMap<u32, HashMap<Arc<str>, VecDeque<Step>>>,
    left: HashMap<Arc<str>, usize>,
    total: usize,
}

impl Replay {
    /// Whether any host has steps ahead that the journal knows.
    pub(crate) fn goes_on(&self) -> bool {
        self.total > 0
    }

    /// Whether the host has.
    pub(crate) fn is_behind(&self, host: &str) -> bool {
        self.left.get(host).is_some_and(|left| *left > 0)
    }

    /// How far into the host's steps the one asked for is.
    fn find(&self, play: u32, host: &str, key: &StepKey) -> Option<usize> {
        let steps = self.plays.get(&play)?.get(host)?;
        for (index, step) in steps.iter().enumerate() {
            let task = self.tasks.get(&step.task)?;
            let changed = self.changed.contains(file_of(&task.at));
            let same = if changed {
                file_of(&task.at) == file_of(&key.at) && around(&task.at) == around(&key.at) && *task.name == *key.name
            } else {
                *task.at == *key.at
            };
            if same {
                return Some(index);
            }
            // What need not come again: decisions are made for the first host only, known facts are not gathered, and
            // a changed file may have lost the task.
            let passed = matches!(step.stage, Stage::Decided(_)) || &*task.at == StepKey::FACTS || changed;
            if !passed {
                return None;
            }
        }
        None
    }

    /// Whether the host's next step is this one and known.
    pub(crate) fn knows(&self, play: u32, host: &str, key: &StepKey) -> bool {
        self.find(play, host, key).is_some()
    }

    /// Takes what is known of the host's next step. A step that is not the one that came then ends what is known of the
    /// host: from there on it runs everything. The second value is how many steps were passed.
    pub(crate) fn take(&mut self, play: u32, host: &Arc<str>, key: &StepKey) -> (Known, u32) {
        let Some(index) = self.find(play, host, key) else {
            self.forget(play, host);
            return (Known::Nothing, 0);
        };
        let Some(steps) = self.plays.get_mut(&play).and_then(|hosts| hosts.get_mut(host)) else {
            return (Known::Nothing, 0);
        };
        steps.drain(..index);
        let Some(step) = steps.pop_front() else { return (Known::Nothing, 0) };
        let passed = index as u32;
        self.total -= index + 1;
        if let Some(left) = self.left.get_mut(host) {
            *left -= index + 1;
        }
        let known = match step.stage {
            Stage::Decided(yes) => Known::Decided(yes),
            Stage::Done => Known::Done(step.kept()),
            Stage::Open | Stage::Failed => Known::Open(step.kept()),
        };
        (known, passed)
    }

    /// Forgets what is ahead of a host, in this play and in later ones.
    fn forget(&mut self, play: u32, host: &str) {
        if !self.is_behind(host) {
            return;
        }
        for (_, hosts) in self.plays.iter_mut().filter(|(own, _)| **own >= play) {
            if let Some(steps) = hosts.remove(host) {
                self.total -= steps.len();
                if let Some(left) = self.left.get_mut(host) {
                    *left -= steps.len();
                }
            }
        }
    }

    /// A play is over: what is left of earlier ones belongs to hosts that are out.
    pub(crate) fn enter(&mut self, play: u32) {
        let over: Vec<u32> = self.plays.keys().copied().filter(|own| *own < play).collect();
        for (host, steps) in over.iter().filter_map(|own| self.plays.remove(own)).flatten() {
            self.total -= steps.len();
            if let Some(left) = self.left.get_mut(&host) {
                *left -= steps.len();
            }
        }
    }
}

/// The file of a place: `a.yml` of `a.yml:3:7 < b.yml`.
fn file_of(at: &str) -> &str {
    let own = at.split(" < ").next().unwrap_or(at);
    own.rsplitn(3, ':').last().unwrap_or(own)
}

/// What included it.
fn around(at: &str) -> &str {
    at.split_once(" < ").map_or("", |(_, around)| around)
}
