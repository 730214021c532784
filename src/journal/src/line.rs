//! The lines of a journal.
//!
//! | line | when |
//! |---|---|
//! | `run` | first: how the run was started |
//! | `resumed` | the run goes on |
//! | `key` | before the first sealed result: the key, in a vault envelope |
//! | `file` | a file was read: its digest |
//! | `play` | a play, or a batch of it, begins |
//! | `task` | before a task's first result: what later lines call by number |
//! | `loop` | a loop begins on a host: its items |
//! | `item` | an item is done |
//! | `job` | a background job was started |
//! | `ran` | a task is done on a host |
//! | `decided` | a condition of `meta`, or an answer to `--step` |
//! | `undone` | the last result of a host does not count: what it included is not there |
//! | `cleared` | failures so far are forgotten (`meta: clear_host_errors`) |
//! | `answer` | a question of `vars_prompt` was answered |
//! | `order` | the hosts of a play in an order that chance decided |
//! | `end` | the run is over |
//!
//! `n` counts the steps of a host in a play: a line with a number that was there before takes everything from that step
//! on back, since the run went on from there.

use std::collections::BTreeMap;
use std::sync::Arc;

use rplay_event::Recap;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// The format that this program writes and reads.
pub(crate) const FORMAT: u32 = 1;

/// How a run was started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunHead {
    /// The format of the lines.
    pub format: u32,
    /// Names the run; also the file's name.
    pub id: String,
    /// The program's version.
    pub version: String,
    /// When.
    pub started: jiff::Timestamp,
    /// The folder it was started in.
    pub dir: String,
    /// The playbooks as given.
    pub playbooks: Vec<String>,
    /// The options, in the form of the program that was started.
    pub options: serde_json::Value,
    /// Settings of the environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Names of variables that were given on the command line and are not in the journal.
    #[serde(default)]
    pub withheld: Vec<String>,
}

/// How a task ended on a host, as far as going on is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is done, whatever came of it: changed, skipped, ignored and rescued ones too.
    Done,
    /// It failed, or its host was not reached, and the host is out: it is run again.
    Failed,
}

/// A line, as far as the index needs it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line<'a> {
    #[serde(borrow)]
    Ran(RanLine<'a>),
    #[serde(borrow)]
    Item(ItemLine<'a>),
    #[serde(borrow)]
    Loop(LoopLine<'a>),
    #[serde(borrow)]
    Job(JobLine<'a>),
    #[serde(borrow)]
    Decided(DecidedLine<'a>),
    #[serde(borrow)]
    Undone(HostLine<'a>),
    Task(TaskLine),
    Play(PlayLine),
    File(FileLine),
    Run(RunHead),
    Resumed(ResumedLine),
    Key(KeyLine),
    Cleared(ClearedLine),
    Answer(AnswerLine),
    Order(OrderLine),
    End(EndLine),
}

/// A host's name: borrowed unless it needs escapes.
pub(crate) type Name<'a> = std::borrow::Cow<'a, str>;

#[derive(Debug, Deserialize)]
pub(crate) struct RanLine<'a> {
    pub(crate) t: u32,
    #[serde(borrow)]
    pub(crate) h: Name<'a>,
    pub(crate) n: u32,
    pub(crate) s: State,
    /// When, in milliseconds since the epoch.
    pub(crate) at: u64,
    /// The number of items; their lines are the result.
    #[serde(default)]
    pub(crate) items: Option<u32>,
    /// The result.
    #[serde(default)]
    pub(crate) w: Option<IgnoredAny>,
    /// The result, sealed.
    #[serde(default)]
    pub(crate) x: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ItemLine<'a> {
    pub(crate) t: u32,
    #[serde(borrow)]
    pub(crate) h: Name<'a>,
    pub(crate) n: u32,
    pub(crate) i: u32,
    pub(crate) s: State,
    pub(crate) at: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct LoopLine<'a> {
    pub(crate) t: u32,
    #[serde(borrow)]
    pub(crate) h: Name<'a>,
    pub(crate) n: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct JobLine<'a> {
    pub(crate) t: u32,
    #[serde(borrow)]
    pub(crate) h: Name<'a>,
    pub(crate) n: u32,
    pub(crate) jid: String,
    /// What was started, as a digest.
    pub(crate) call: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct DecidedLine<'a> {
    pub(crate) t: u32,
    #[serde(borrow)]
    pub(crate) h: Name<'a>,
    pub(crate) n: u32,
    pub(crate) yes: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct HostLine<'a> {
    pub(crate) p: u32,
    #[serde(borrow)]
    pub(crate) h: Name<'a>,
    pub(crate) n: u32,
}

/// What of a result, an item or a list of items is in a line.
#[derive(Debug, Deserialize)]
pub(crate) struct ContentLine<T> {
    #[serde(default = "Option::default")]
    pub(crate) w: Option<T>,
    /// Sealed and in base64.
    #[serde(default)]
    pub(crate) x: Option<String>,
    /// Only the part that is no secret is in `w`.
    #[serde(default)]
    pub(crate) part: bool,
}

/// A line for the sake of what is in it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Holding<T> {
    Ran(ContentLine<T>),
    Item(ContentLine<T>),
    Loop(ContentLine<T>),
    Answer(ContentLine<T>),
}

impl<T> Holding<T> {
    pub(crate) fn content(self) -> ContentLine<T> {
        match self {
            Self::Ran(line) | Self::Item(line) | Self::Loop(line) | Self::Answer(line) => line,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TaskLine {
    pub(crate) t: u32,
    pub(crate) p: u32,
    /// `file:line:column`, then the files and roles that included it, innermost first.
    pub(crate) at: Arc<str>,
    /// As written, with its role; the action's name without one.
    pub(crate) name: Arc<str>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PlayLine {
    pub(crate) p: u32,
    pub(crate) name: String,
    /// How many hosts it has.
    pub(crate) hosts: usize,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FileLine {
    pub(crate) path: String,
    pub(crate) sha256: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ResumedLine {
    pub(crate) at: jiff::Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeyLine {
    pub(crate) envelope: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ClearedLine {
    pub(crate) p: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AnswerLine {
    pub(crate) at: String,
    pub(crate) name: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct OrderLine {
    pub(crate) at: String,
    pub(crate) hosts: Vec<Arc<str>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EndLine {
    pub(crate) at: jiff::Timestamp,
    pub(crate) exit: u8,
    pub(crate) recap: Recap,
}
