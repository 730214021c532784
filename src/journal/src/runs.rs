//! The folder of journals: which runs there are, and how each ended.

use std::collections::BTreeSet;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rplay_event::Recap;
use serde::Serialize;

use crate::error::JournalError;
use crate::index;
use crate::line::{EndLine, Line, RunHead};

/// A folder of journals.
#[derive(Clone, Debug)]
pub struct Runs {
    folder: PathBuf,
    /// How many are kept when a new one begins; 0 keeps all.
    keep: usize,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// A process is at it.
    Running,
    /// It came to its end, every host is well.
    Finished,
    /// It came to its end, or to an error; a host is not well.
    Failed,
    /// It was killed, or stopped by its user.
    Interrupted,
}

/// What a journal says of its run.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// How it was started.
    #[serde(flatten)]
    pub head: RunHead,
    /// How it stands.
    pub state: RunState,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The exit code, once it ended.
    pub exit: Option<u8>,
    /// When it went on, each time.
    pub resumed: Vec<Timestamp>,
    /// The hosts that have results.
    pub hosts: BTreeSet<String>,
    /// How many results there are.
    pub results: usize,
    /// The name of the last play that began.
    pub last_play: Option<String>,
    /// The name of the last task that has a result.
    pub last_task: Option<String>,
    /// Where that task stands.
    pub last_place: Option<String>,
    /// Files that were read.
    pub files: usize,
    /// The counts, once it ended.
    pub recap: Option<Recap>,
}

impl Runs {
    /// The journals in a folder, which need not be there.
    pub fn new(folder: impl Into<PathBuf>, keep: usize) -> Self {
        Self { folder: folder.into(), keep }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.jsonl"))
    }

    /// Makes the folder, for its user alone.
    pub(crate) fn make(&self) -> Result<(), JournalError> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&self.folder).map_err(JournalError::io(&self.folder))
    }

    /// The names of all runs, oldest first.
    pub fn ids(&self) -> Vec<String> {
        let entries = fs_err::read_dir(&self.folder).into_iter().flatten().filter_map(Result::ok);
        let mut ids: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok()?.strip_suffix(".jsonl").map(str::to_owned))
            .collect();
        ids.sort_unstable();
        ids
    }

    /// The file of a run: named in full or by the start of its name. Without a name, that of the last run that did not
    /// come to a good end.
    pub fn find(&self, id: Option<&str>) -> Result<PathBuf, JournalError> {
        let ids = self.ids();
        let Some(id) = id else {
            for id in ids.iter().rev() {
                let path = self.path(id);
                // A broken journal is not what is meant.
                if Run::read(&path).is_ok_and(|run| matches!(run.state, RunState::Failed | RunState::Interrupted)) {
                    return Ok(path);
                }
            }
            return Err(JournalError::Nothing { folder: self.folder.clone() });
        };
        if ids.iter().any(|known| known == id) {
            return Ok(self.path(id));
        }
        let found: Vec<String> = ids.iter().filter(|known| known.starts_with(id)).cloned().collect();
        match found.as_slice() {
            [only] => Ok(self.path(only)),
            [] => {
                let near = rplay_diag::nearest(id, ids.iter().map(String::as_str)).map(str::to_owned);
                Err(JournalError::Unknown { id: id.to_owned(), near })
            }
            _ => Err(JournalError::Ambiguous { id: id.to_owned(), found }),
        }
    }

    /// Removes a run's journal. One that a process is at stays.
    pub fn remove(&self, path: &Path) -> Result<(), JournalError> {
        if is_locked(path) {
            let id = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            return Err(JournalError::Running { id });
        }
        fs_err::remove_file(path).map_err(JournalError::io(path))
    }

    /// Removes the oldest journals beyond the number to keep; their names.
    pub fn prune(&self) -> Vec<String> {
        if self.keep == 0 {
            return Vec::new();
        }
        let ids = self.ids();
        let old = ids.len().saturating_sub(self.keep);
        // One that a process is at stays, whatever its age.
        ids.into_iter().filter(|id| self.remove(&self.path(id)).is_ok()).take(old).collect()
    }
}

/// Whether a process holds the journal.
fn is_locked(path: &Path) -> bool {
    std::fs::File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock)))
}

impl Run {
    /// Reads what a journal says.
    pub fn read(path: &Path) -> Result<Self, JournalError> {
        let mut head = RunHead::default();
        let mut end: Option<EndLine> = None;
        let mut resumed = Vec::new();
        let mut hosts = BTreeSet::new();
        let mut play = None;
        let (mut results, mut files, mut last) = (0, 0, 0);
        let mut tasks = std::collections::HashMap::new();
        index::lines(path, |line, _| {
            match line {
                Line::Run(own) => head = own,
                Line::End(own) => end = Some(own),
                Line::Resumed(own) => {
                    end = None;
                    resumed.push(own.at);
                }
                Line::File(_) => files += 1,
                Line::Play(own) => play = Some(own.name),
                Line::Task(task) => _ = tasks.insert(task.t, task),
                Line::Ran(ran) => {
                    results += 1;
                    last = ran.t;
                    if !hosts.contains(&*ran.h) {
                        hosts.insert(ran.h.into_owned());
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        let last = tasks.remove(&last);
        let state = match &end {
            _ if is_locked(path) => RunState::Running,
            Some(end) if end.exit == 0 => RunState::Finished,
            Some(_) => RunState::Failed,
            None => RunState::Interrupted,
        };
        Ok(Self {
            head,
            state,
            ended: end.as_ref().map(|end| end.at),
            exit: end.as_ref().map(|end| end.exit),
            resumed,
            hosts,
            results,
            last_play: play,
            last_task: last.as_ref().map(|task| task.name.to_string()),
            last_place: last.as_ref().map(|task| task.at.to_string()),
            files,
            recap: end.map(|end| end.recap),
        })
    }
}
