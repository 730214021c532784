//! Runs of playbooks: what a lab asks for, and what it hears of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use rplay_value::Map;

/// Ends a run as Ctrl-C would.
pub type Stop = Arc<tokio::sync::Notify>;

/// Playbooks to run.
#[derive(Clone, Debug)]
pub struct Play {
    /// The stage or check that they belong to.
    pub name: String,
    /// The playbooks, in order.
    pub playbooks: Vec<PathBuf>,
    /// The inventory.
    pub inventory: PathBuf,
    /// Only these hosts.
    pub limit: Option<String>,
    /// Only these tags.
    pub tags: Vec<String>,
    /// Not these tags.
    pub skip_tags: Vec<String>,
    /// Extra variables.
    pub vars: Map,
    /// Environment that counts for settings.
    pub env: Vec<(String, String)>,
    /// Other stages run at the same time: lines say whose they are.
    pub beside: bool,
    /// Who is told that tasks begin, before they do.
    pub gate: Option<Gate>,
    /// Ends the run.
    pub stop: Stop,
}

/// A task that is about to begin.
#[derive(Debug)]
pub(super) struct Start {
    /// Its name, with and without its role.
    pub(super) names: [String; 2],
    go: SyncSender<()>,
}

impl Start {
    /// Lets it begin.
    pub(super) fn go(self) {
        // A run that has ended does not wait any more.
        let _ = self.go.send(());
    }
}

/// Where tasks wait before they begin.
#[derive(Clone, Debug)]
pub struct Gate(SyncSender<Start>);

impl Gate {
    pub(super) fn new() -> (Self, Receiver<Start>) {
        let (sender, receiver) = sync_channel(1);
        (Self(sender), receiver)
    }

    /// Waits until a task of this name, with its role and without, may begin.
    pub fn pass(&self, name: &str, short: &str) {
        let (go, wait) = sync_channel(1);
        let start = Start { names: [name.to_owned(), short.to_owned()], go };
        // Nobody there: nobody to wait for.
        if self.0.send(start).is_ok() {
            let _ = wait.recv();
        }
    }
}

/// How many tasks ended how on a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recap {
    /// Well, with and without a change.
    pub ok: u64,
    /// With a change.
    pub changed: u64,
    /// Not run.
    pub skipped: u64,
    /// Not well.
    pub failed: u64,
    /// The host could not be reached.
    pub unreachable: u64,
}

/// A task that is worth telling of: it changed something, or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskRan {
    /// Its host.
    pub host: String,
    /// Its name.
    pub task: String,
    /// Why it failed.
    pub failed: Option<String>,
    /// How long it took.
    pub took: Duration,
}

/// How playbooks ended.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// The exit code of such a run.
    pub code: i32,
    /// Tasks that changed something, and tasks that failed.
    pub tasks: Vec<TaskRan>,
    /// Counts by host.
    pub recap: BTreeMap<String, Recap>,
    /// Facts by host.
    pub facts: BTreeMap<String, Map>,
    /// What `set_stats` gave.
    pub stats: Map,
}

impl Ran {
    /// Tasks that changed something.
    pub fn changed(&self) -> impl Iterator<Item = &TaskRan> {
        self.tasks.iter().filter(|task| task.failed.is_none())
    }
}

/// The exit code of a run that the user ended.
pub const INTERRUPTED: i32 = 99;

/// What runs playbooks.
pub trait Playbooks: Sync {
    /// Runs playbooks; what they say is shown as any run's.
    fn run(&self, play: &Play) -> Ran;
}
