//! Writing a journal, and going on with one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::TryLockError;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rplay_diag::Sources;
use rplay_event::Recap;
use rplay_vault::{Seal, Secrets};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::error::JournalError;
use crate::index::{At, Index, Kept, Known, Replay, StepKey};
use crate::line::{
    EndLine, FORMAT, FileLine, Holding, KeyLine, OrderLine, PlayLine, ResumedLine, RunHead, State, TaskLine,
};
use crate::runs::Runs;

/// What a new run's first line says; the rest of [`RunHead`] is known here.
#[derive(Clone, Debug, Default)]
pub struct NewRun {
    /// The program's version.
    pub version: String,
    /// The playbooks as given.
    pub playbooks: Vec<String>,
    /// The options, as the program that is started reads them back.
    pub options: serde_json::Value,
    /// Options that are kept only sealed; lost when there is no vault password to seal them with.
    pub secret_options: Option<serde_json::Value>,
    /// Settings of the environment.
    pub env: BTreeMap<String, String>,
    /// Names of variables that are in neither.
    pub withheld: Vec<String>,
}

/// Something that a line is to hold.
pub enum Written<'a, T> {
    /// It may be read by whoever can read the file.
    Open(&'a T),
    /// Its part that is no secret, and the whole, which is sealed or left out.
    Secret(&'a T, &'a T),
}

/// Something that a line holds.
#[derive(Debug)]
pub enum Content<T> {
    /// All of it.
    Whole(T),
    /// Only what is no secret: nothing could seal the rest, or nothing opens it now.
    Part(T),
}

/// The journal of a run. All of it works from any thread.
///
/// When the system refuses a line, the run goes on and the journal ends: [`Journal::trouble`] says why, once.
pub struct Journal {
    path: PathBuf,
    id: String,
    inner: Mutex<Inner>,
}

struct Inner {
    file: std::fs::File,
    line: Vec<u8>,
    secrets: Arc<Secrets>,
    seal: Option<Seal>,
    play: u32,
    /// The next step of each host in the play.
    next: HashMap<Arc<str>, u32>,
    /// The lines' numbers of tasks, by the program's.
    tasks: HashMap<u32, u32>,
    last_task: u32,
    /// Texts of the run that have been looked at, and files that have their line.
    sources: Sources,
    seen: usize,
    files: HashSet<String>,
    replay: Option<Replay>,
    /// For a run that was interrupted: when each host's last result came, and the run began.
    interrupted: Option<(HashMap<Arc<str>, u64>, u64)>,
    /// When the run went on.
    went_on: u64,
    answers: Vec<(String, String, At)>,
    orders: HashMap<String, Vec<Arc<str>>>,
    trouble: Option<String>,
    broken: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Out<'a, T> {
    Ran(Filled<'a, T>),
    Item(Filled<'a, T>),
    Loop(Filled<'a, T>),
    Answer(Answered<'a, T>),
}

#[derive(Serialize)]
struct Filled<'a, T> {
    t: u32,
    h: &'a str,
    n: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    i: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<u32>,
    #[serde(flatten)]
    content: Filling<'a, T>,
}

#[derive(Serialize)]
struct Answered<'a, T> {
    at: &'a str,
    name: &'a str,
    #[serde(flatten)]
    content: Filling<'a, T>,
}

#[derive(Serialize)]
struct Filling<'a, T> {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    part: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    w: Option<&'a T>,
}

impl<T> Filling<'_, T> {
    fn none() -> Self {
        Self { part: false, x: None, w: None }
    }
}

impl Journal {
    /// Starts the journal of a new run in a folder, which is made if need be. `secrets` seal what must not be read;
    /// texts registered in `sources` from now on are files whose change matters.
    pub fn create(runs: &Runs, run: NewRun, secrets: Arc<Secrets>, sources: &Sources) -> Result<Self, JournalError> {
        runs.make()?;
        let started = jiff::Timestamp::now();
        let dir = std::env::current_dir().unwrap_or_default();
        let mut tries = 0;
        let (path, file, id) = loop {
            let random = uuid::Uuid::new_v4().simple().to_string();
            let id = format!("{}-{}", started.strftime("%Y%m%d-%H%M%S"), &random[..4]);
            let path = runs.path(&id);
            let mut options = std::fs::OpenOptions::new();
            match options.read(true).append(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => break (path, file, id),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && tries < 20 => tries += 1,
                Err(error) => return Err(JournalError::io(path)(error)),
            }
        };
        file.try_lock().map_err(|error| JournalError::io(&path)(error.into()))?;
        let journal = Self::over(path, id, file, secrets, sources);
        {
            let mut inner = journal.lock();
            let head = RunHead {
                format: FORMAT,
                id: journal.id.clone(),
                version: run.version,
                started,
                dir: dir.display().to_string(),
                playbooks: run.playbooks,
                options: run.options,
                env: run.env,
                withheld: run.withheld,
            };
            inner.put(&json!({ "run": head }));
            if let Some(options) = &run.secret_options
                && let Some(x) = inner.sealed(options)
            {
                inner.put(&Out::Answer(Answered {
                    at: OPTIONS,
                    name: "",
                    content: Filling::<()> { part: true, x: Some(x), w: None },
                }));
            }
            if let Some(trouble) = inner.trouble.take() {
                return Err(JournalError::io(&journal.path)(std::io::Error::other(trouble)));
            }
        }
        runs.prune();
        Ok(journal)
    }

    fn over(path: PathBuf, id: String, file: std::fs::File, secrets: Arc<Secrets>, sources: &Sources) -> Self {
        let inner = Inner {
            file,
            line: Vec::with_capacity(4096),
            secrets,
            seal: None,
            play: 0,
            next: HashMap::new(),
            tasks: HashMap::new(),
            last_task: 0,
            sources: sources.clone(),
            seen: sources.count(),
            files: HashSet::new(),
            replay: None,
            interrupted: None,
            went_on: now(),
            answers: Vec::new(),
            orders: HashMap::new(),
            trouble: None,
            broken: false,
        };
        Self { path, id, inner: Mutex::new(inner) }
    }

    /// Goes on with a run: what it has done is known, what it does from now on is added.
    ///
    /// Files that are no longer what the run has read are an error, unless `changed_files` says that they may be others.
    pub fn resume(
        path: &Path,
        secrets: Arc<Secrets>,
        sources: &Sources,
        changed_files: bool,
    ) -> Result<Self, JournalError> {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.read(true).append(true).open(path).map_err(JournalError::io(path))?;
        let id = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        // Who only looks whether it is locked holds it for a moment.
        for last in [false, false, true] {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if !last => std::thread::sleep(std::time::Duration::from_millis(20)),
                Err(TryLockError::WouldBlock) => return Err(JournalError::Running { id }),
                Err(TryLockError::Error(error)) => return Err(JournalError::io(path)(error)),
            }
        }
        let mut index = Index::read(path)?;
        if index.end.as_ref().is_some_and(|end| end.exit == 0) {
            return Err(JournalError::Finished { id });
        }
        let changed = changed(&index.files);
        if !changed.is_empty() && !changed_files {
            return Err(JournalError::Changed { id, files: changed });
        }
        // The torn end of a line must not become the start of the next one.
        file.set_len(index.length).map_err(JournalError::io(path))?;
        file.seek(SeekFrom::End(0)).map_err(JournalError::io(path))?;
        let journal = Self::over(path.to_owned(), id, file, secrets, sources);
        {
            let mut inner = journal.lock();
            inner.last_task = index.last_task();
            if let Some(envelope) = &index.key {
                let opened = inner.secrets.decrypt(envelope).ok();
                inner.seal = opened.and_then(|opened| Seal::from_bytes(&STANDARD.decode(&*opened.plain).ok()?));
            }
            inner.files = index.files.keys().filter(|path| !changed.contains(path)).cloned().collect();
            if index.end.is_none() {
                let began = u64::try_from(index.head.started.as_millisecond()).unwrap_or(0);
                inner.interrupted = Some((std::mem::take(&mut index.times), began));
            }
            inner.answers = std::mem::take(&mut index.answers);
            inner.orders = std::mem::take(&mut index.orders);
            let dir = index.head.dir.clone();
            inner.replay = Some(index.replay(both_names(&changed, &dir)));
            inner.put(&json!({ "resumed": ResumedLine { at: jiff::Timestamp::now() } }));
        }
        Ok(journal)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The run's name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Texts registered from now on are files whose change matters.
    pub fn watch(&self) {
        let mut inner = self.lock();
        inner.seen = inner.sources.count();
    }

    /// Why the journal ended before the run; said once.
    pub fn trouble(&self) -> Option<String> {
        self.lock().trouble.take()
    }

    /// Options that were kept sealed, when they can be opened.
    pub fn secret_options<T: DeserializeOwned>(&self) -> Option<T> {
        match self.take_answer(OPTIONS, "")? {
            Content::Whole(options) => Some(options),
            Content::Part(_) => None,
        }
    }

    /// A play, or a batch of one, begins. Plays are counted from 1.
    pub fn play(&self, play: u32, name: &str, hosts: usize) {
        let mut inner = self.lock();
        inner.play = play;
        inner.next.clear();
        inner.tasks.clear();
        if let Some(replay) = &mut inner.replay {
            replay.enter(play);
        }
        if !inner.goes_on() {
            inner.put(&json!({ "play": PlayLine { p: play, name: name.to_owned(), hosts } }));
        }
    }

    /// Whether any host has steps ahead that the journal knows.
    pub fn goes_on(&self) -> bool {
        self.lock().goes_on()
    }

    /// Whether a host has.
    pub fn is_behind(&self, host: &str) -> bool {
        self.lock().replay.as_ref().is_some_and(|replay| replay.is_behind(host))
    }

    /// Whether this run has been started before.
    pub fn resumed(&self) -> bool {
        self.lock().replay.is_some()
    }

    /// For the first step that a host runs after the run was interrupted: the time in which it may have been at it
    /// already, in milliseconds since the epoch. Said once for a host.
    pub fn interrupted(&self, host: &Arc<str>) -> Option<std::ops::Range<u64>> {
        let mut inner = self.lock();
        let until = inner.went_on;
        let (times, began) = inner.interrupted.as_mut()?;
        let since = times.insert(Arc::clone(host), u64::MAX).unwrap_or(*began);
        (since != u64::MAX).then_some(since..until)
    }

    /// Whether a host's next step is this one and known.
    pub fn knows(&self, host: &str, key: &StepKey) -> bool {
        let inner = self.lock();
        inner.replay.as_ref().is_some_and(|replay| replay.knows(inner.play, host, key))
    }

    /// Takes what is known of a host's next step.
    pub fn take(&self, host: &Arc<str>, key: &StepKey) -> Known {
        let mut inner = self.lock();
        let play = inner.play;
        let Some(replay) = &mut inner.replay else { return Known::Nothing };
        let (known, passed) = replay.take(play, host, key);
        let done = u32::from(matches!(known, Known::Done(_) | Known::Decided(_)));
        *inner.next.entry(Arc::clone(host)).or_default() += passed + done;
        known
    }

    /// The result of a step.
    pub fn result<T: DeserializeOwned>(&self, kept: &Kept) -> Option<Content<T>> {
        self.lock().content(kept.whole?)
    }

    /// The items of a step's loop.
    pub fn list<T: DeserializeOwned>(&self, kept: &Kept) -> Option<Content<T>> {
        self.lock().content(kept.list?)
    }

    /// The result of an item of a step's loop.
    pub fn item<T: DeserializeOwned>(&self, kept: &Kept, index: usize) -> Option<Content<T>> {
        self.lock().content(*kept.items.get(&u32::try_from(index).ok()?)?)
    }

    /// A loop begins on a host.
    pub fn write_loop<T: Serialize>(
        &self,
        task: u32,
        key: impl FnOnce() -> StepKey,
        host: &Arc<str>,
        list: &Written<'_, T>,
    ) {
        let mut inner = self.lock();
        let (t, n) = (inner.task(task, key), inner.at(host));
        let content = inner.fill(list);
        inner.put(&Out::Loop(Filled { t, h: host, n, i: None, s: None, at: None, items: None, content }));
    }

    /// An item is done.
    pub fn write_item<T: Serialize>(
        &self,
        task: u32,
        key: impl FnOnce() -> StepKey,
        host: &Arc<str>,
        index: usize,
        state: State,
        result: &Written<'_, T>,
    ) {
        let mut inner = self.lock();
        let (t, n) = (inner.task(task, key), inner.at(host));
        let content = inner.fill(result);
        let i = u32::try_from(index).ok();
        inner.put(&Out::Item(Filled { t, h: host, n, i, s: Some(state), at: Some(now()), items: None, content }));
    }

    /// A background job was started. `call` tells it from others of its task.
    pub fn write_job(&self, task: u32, key: impl FnOnce() -> StepKey, host: &Arc<str>, jid: &str, call: &str) {
        let mut inner = self.lock();
        let (t, n) = (inner.task(task, key), inner.at(host));
        inner.put(&json!({ "job": { "t": t, "h": &**host, "n": n, "jid": jid, "call": call } }));
    }

    /// A task is done on a host. Either a result, or the number of items whose lines are the result.
    pub fn write_ran<T: Serialize>(
        &self,
        task: u32,
        key: impl FnOnce() -> StepKey,
        host: &Arc<str>,
        state: State,
        result: Result<&Written<'_, T>, usize>,
    ) {
        let mut inner = self.lock();
        let (t, n) = (inner.task(task, key), inner.at(host));
        let (content, items) = match result {
            Ok(result) => (inner.fill(result), None),
            Err(items) => (Filling::none(), u32::try_from(items).ok()),
        };
        inner.put(&Out::Ran(Filled { t, h: host, n, i: None, s: Some(state), at: Some(now()), items, content }));
        inner.next.insert(Arc::clone(host), n + 1);
    }

    /// Something was decided for a host.
    pub fn write_decision(&self, task: u32, key: impl FnOnce() -> StepKey, host: &Arc<str>, yes: bool) {
        let mut inner = self.lock();
        let (t, n) = (inner.task(task, key), inner.at(host));
        inner.put(&json!({ "decided": { "t": t, "h": &**host, "n": n, "yes": yes } }));
        inner.next.insert(Arc::clone(host), n + 1);
    }

    /// The last result of a host does not count.
    pub fn write_undone(&self, host: &Arc<str>) {
        let mut inner = self.lock();
        let Some(n) = inner.at(host).checked_sub(1) else { return };
        let p = inner.play;
        inner.put(&json!({ "undone": { "p": p, "h": &**host, "n": n } }));
    }

    /// Failures so far are forgotten.
    pub fn write_cleared(&self) {
        let mut inner = self.lock();
        let p = inner.play;
        if !inner.goes_on() {
            inner.put(&json!({ "cleared": { "p": p } }));
        }
    }

    /// A question was answered. `at` is where it stands.
    pub fn write_answer<T: Serialize>(&self, at: &str, name: &str, answer: &Written<'_, T>) {
        let mut inner = self.lock();
        let content = match answer {
            // There is no part of an answer that is no secret.
            Written::Secret(_, whole) => match inner.sealed(whole) {
                Some(x) => Filling { part: true, x: Some(x), w: None },
                None => return,
            },
            open @ Written::Open(_) => inner.fill(open),
        };
        inner.put(&Out::Answer(Answered { at, name, content }));
    }

    /// The answer that was given then. Each is given once.
    pub fn take_answer<T: DeserializeOwned>(&self, at: &str, name: &str) -> Option<Content<T>> {
        let mut inner = self.lock();
        let index = inner.answers.iter().position(|(place, own, _)| place == at && own == name)?;
        let (_, _, at) = inner.answers.remove(index);
        inner.content(at)
    }

    /// The order of a play's hosts: the one that chance decided then, or this one from now on.
    pub fn order(&self, at: &str, hosts: Vec<Arc<str>>) -> Vec<Arc<str>> {
        let mut inner = self.lock();
        if let Some(known) = inner.orders.get(at) {
            let place: HashMap<&str, usize> = known.iter().enumerate().map(|(i, host)| (&**host, i)).collect();
            let mut hosts = hosts;
            hosts.sort_by_key(|host| place.get(&**host).copied().unwrap_or(usize::MAX));
            return hosts;
        }
        inner.put(&json!({ "order": OrderLine { at: at.to_owned(), hosts: hosts.clone() } }));
        hosts
    }

    /// The run is over.
    pub fn end(&self, exit: u8, recap: Recap) {
        self.lock().put(&json!({ "end": EndLine { at: jiff::Timestamp::now(), exit, recap } }));
    }
}

/// Milliseconds since the epoch, by the clock that dates changes of files: it may be some behind.
fn now() -> u64 {
    let clock = nix::time::ClockId::CLOCK_REALTIME_COARSE;
    let now = nix::time::clock_gettime(clock).map(std::time::Duration::from).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(0)
}

/// What stands for the place of the options that are kept sealed.
const OPTIONS: &str = "<options>";

impl Inner {
    fn goes_on(&self) -> bool {
        self.replay.as_ref().is_some_and(Replay::goes_on)
    }

    /// Gives a line to the system, all at once: a process that is killed has written it or not.
    fn put(&mut self, line: &impl Serialize) {
        if self.broken {
            return;
        }
        self.line.clear();
        let written = serde_json::to_writer(&mut self.line, line).map_err(std::io::Error::from).and_then(|()| {
            self.line.push(b'\n');
            self.file.write_all(&self.line)
        });
        if let Err(error) = written {
            self.broken = true;
            self.trouble = Some(error.to_string());
        }
        // One large result must not stay for the rest of the run.
        self.line.shrink_to(1 << 16);
    }

    fn at(&self, host: &Arc<str>) -> u32 {
        self.next.get(host).copied().unwrap_or(0)
    }

    /// The number that lines have for a task; its own line first.
    fn task(&mut self, task: u32, key: impl FnOnce() -> StepKey) -> u32 {
        if let Some(t) = self.tasks.get(&task) {
            return *t;
        }
        self.note_files();
        self.last_task += 1;
        let StepKey { at, name } = key();
        let line = TaskLine { t: self.last_task, p: self.play, at: at.into(), name: name.into() };
        self.put(&json!({ "task": line }));
        self.tasks.insert(task, self.last_task);
        self.last_task
    }

    /// Lines for the files that were read since the last time.
    fn note_files(&mut self) {
        if self.sources.count() == self.seen {
            return;
        }
        let new = self.sources.since(self.seen);
        self.seen += new.len();
        for (name, text, sealed) in new {
            let Some(path) = full(&name).filter(|path| !self.files.contains(path)) else { continue };
            // The text of an encrypted file is a secret, and so is what it could be guessed from.
            let digest = if sealed { digest_of(&path) } else { Some(digest(text.as_bytes())) };
            let Some(sha256) = digest.filter(|_| Path::new(&path).is_file()) else { continue };
            self.put(&json!({ "file": FileLine { path: path.clone(), sha256 } }));
            self.files.insert(path);
        }
    }

    fn fill<'a, T: Serialize>(&mut self, written: &Written<'a, T>) -> Filling<'a, T> {
        match written {
            Written::Open(content) => Filling { part: false, x: None, w: Some(content) },
            Written::Secret(part, whole) => Filling { part: true, x: self.sealed(whole), w: Some(part) },
        }
    }

    /// Something sealed, in base64. `None` without a password that could open it again.
    fn sealed(&mut self, content: &impl Serialize) -> Option<String> {
        if self.seal.is_none() {
            if self.secrets.is_empty() {
                return None;
            }
            let seal = Seal::random().ok()?;
            let envelope = self.secrets.encrypt(STANDARD.encode(seal.bytes()), None).ok()?;
            self.put(&json!({ "key": KeyLine { envelope } }));
            self.seal = Some(seal);
        }
        let plain = serde_json::to_vec(content).ok()?;
        Some(STANDARD.encode(self.seal.as_ref()?.close(&plain).ok()?))
    }

    fn content<T: DeserializeOwned>(&self, at: At) -> Option<Content<T>> {
        let mut line = vec![0; at.length as usize];
        self.file.read_exact_at(&mut line, at.offset).ok()?;
        let content = serde_json::from_slice::<Holding<T>>(&line).ok()?.content();
        if let (Some(sealed), Some(seal)) = (&content.x, &self.seal)
            && let Some(plain) = STANDARD.decode(sealed).ok().and_then(|sealed| seal.open(&sealed))
        {
            return serde_json::from_slice(&plain).ok().map(Content::Whole);
        }
        let part = content.part;
        content.w.map(|content| if part { Content::Part(content) } else { Content::Whole(content) })
    }
}

/// The full path of a source; `None` for what is no file.
fn full(name: &str) -> Option<String> {
    if name.starts_with('<') {
        return None;
    }
    Some(std::path::absolute(name).ok()?.display().to_string())
}

fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing into a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn digest_of(path: &str) -> Option<String> {
    Some(digest(&fs_err::read(path).ok()?))
}

/// The files that are not what they were, sorted.
fn changed(files: &HashMap<String, String>) -> Vec<String> {
    let differs = |(path, known): &(&String, &String)| digest_of(path).as_ref() != Some(*known);
    let mut changed: Vec<String> = files.iter().filter(differs).map(|(path, _)| path.clone()).collect();
    changed.sort_unstable();
    changed
}

/// Files as places may name them: by their full path, or from the folder of the run.
fn both_names(files: &[String], dir: &str) -> HashSet<String> {
    let short = |file: &String| file.strip_prefix(dir)?.strip_prefix('/').map(str::to_owned);
    files.iter().cloned().chain(files.iter().filter_map(short)).collect()
}
