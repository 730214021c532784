//! The events.

use std::sync::Arc;
use std::time::Duration;

use rplay_value::{Map, Value};
use serde::{Deserialize, Serialize};

use crate::{Notice, Outcome, Place, PlayId, Recap, Report, RunId, TaskId, TaskResult};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Position in the run's stream, from 1, without gaps.
    pub seq: u64,
    /// When, by the controller's clock.
    pub at: jiff::Timestamp,
    /// How long after the start of the run.
    pub elapsed: Duration,
    /// What.
    pub kind: EventKind,
}

/// What a run was started with, as far as output shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// The run.
    pub run: RunId,
    /// The playbooks as given.
    pub playbooks: Vec<String>,
    /// `--check`.
    pub check: bool,
    /// `--diff`.
    pub diff: bool,
    /// How many hosts at once.
    pub forks: usize,
    /// The program's version.
    pub version: String,
}

/// A play, or one batch of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlayInfo {
    /// Names this batch.
    pub id: PlayId,
    /// Its name, rendered; its `hosts` when it has none.
    pub name: String,
    /// The `hosts` pattern, rendered.
    pub pattern: String,
    /// The hosts of this batch.
    pub hosts: Vec<String>,
    /// Where it was written.
    pub place: Option<Place>,
    /// The strategy: `linear`, `free`, `host_pinned`.
    pub strategy: String,
    /// In check mode.
    pub check: bool,
}

/// A task at the moment its banner is due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskInfo {
    /// Names this appearance.
    pub id: TaskId,
    /// The play's batch it belongs to.
    pub play: PlayId,
    /// What the banner shows: the rendered name with `role : ` before it, or the action's name.
    pub name: String,
    /// The rendered name alone; the action's name when it has none.
    pub short_name: String,
    /// The role it comes from.
    pub role: Option<String>,
    /// The module or action as resolved, such as `ansible.builtin.copy`.
    pub action: String,
    /// Where it was written.
    pub place: Option<Place>,
    /// Its arguments before templating, for `display_args_to_stdout`; empty under `no_log`.
    pub args: Map,
    /// A handler: the banner says `RUNNING HANDLER`.
    pub handler: bool,
    /// Loops: item lines are shown and the summary of a failed loop is not.
    pub looped: bool,
    /// A dynamic include: its own result is not shown, [`EventKind::Included`] is.
    pub include: bool,
    /// In check mode.
    pub check: bool,
    /// Its results are censored.
    pub no_log: bool,
    /// Its tags.
    pub tags: Vec<String>,
}

/// What happened. Each event stands for one Ansible callback:
///
/// | event | callback |
/// |---|---|
/// | `RunStarted`, `RunFinished`, `OutputLine` | none |
/// | `PlaybookStarted` | `v2_playbook_on_start` |
/// | `PlayStarted` | `v2_playbook_on_play_start` |
/// | `NoHostsMatched` | `v2_playbook_on_no_hosts_matched` |
/// | `NoHostsRemaining` | `v2_playbook_on_no_hosts_remaining` |
/// | `TaskStarted` | `v2_playbook_on_task_start`, `v2_playbook_on_handler_task_start` |
/// | `HostStarted` | `v2_runner_on_start` |
/// | `ItemFinished` | `v2_runner_item_on_{ok,failed,skipped}` |
/// | `Retried` | `v2_runner_retry` |
/// | `HostFinished` | `v2_runner_on_{ok,failed,skipped,unreachable}` |
/// | `Diff` | `v2_on_file_diff` |
/// | `Included` | `v2_playbook_on_include` |
/// | `Notified` | `v2_playbook_on_notify` |
/// | `AsyncPolled`, `AsyncFinished` | `v2_runner_on_async_{poll,ok,failed}` |
/// | `Recap` | `v2_playbook_on_stats` |
/// | `VariableAsked` | `v2_playbook_on_vars_prompt` |
/// | `Warned`, `Deprecated`, `Failed`, `Verbose`, `Prompted` | Ansible's `Display` |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The first event.
    RunStarted(RunInfo),
    /// A playbook file begins.
    PlaybookStarted {
        /// The file as given.
        file: String,
    },
    /// A play, or a batch of it, begins.
    PlayStarted(Arc<PlayInfo>),
    /// The play's pattern has no host.
    NoHostsMatched,
    /// Every host of the play has failed.
    NoHostsRemaining,
    /// A task begins on its first host.
    TaskStarted(Arc<TaskInfo>),
    /// A task begins on a host.
    HostStarted {
        /// The task.
        task: TaskId,
        /// The host.
        host: Arc<str>,
    },
    /// One item of a loop is done.
    ItemFinished {
        /// The task.
        task: TaskId,
        /// The host.
        host: Arc<str>,
        /// How it ended.
        outcome: Outcome,
        /// Its result; `label` is set.
        result: Arc<TaskResult>,
    },
    /// An attempt was not good enough; another follows.
    Retried {
        /// The task.
        task: TaskId,
        /// The host.
        host: Arc<str>,
        /// How many attempts are left.
        retries_left: u64,
        /// The attempt's result, with `attempts` and `retries`.
        result: Arc<TaskResult>,
    },
    /// A task is done on a host.
    HostFinished {
        /// The task.
        task: TaskId,
        /// The host.
        host: Arc<str>,
        /// How it ended.
        outcome: Outcome,
        /// Its result.
        result: Arc<TaskResult>,
    },
    /// Before and after of a change, ahead of the result it belongs to.
    Diff {
        /// The task.
        task: TaskId,
        /// The host.
        host: Arc<str>,
        /// Each with Ansible's keys: `before`, `after`, `before_header`, `after_header`, `prepared`, `dst_binary`, ...
        diffs: Vec<Map>,
    },
    /// A file of tasks or a role was included for some hosts.
    Included {
        /// The including task.
        task: TaskId,
        /// Full path of the file, or name of the role.
        file: String,
        /// The hosts.
        hosts: Vec<Arc<str>>,
        /// The item's label, when the include loops.
        label: Option<Value>,
    },
    /// A handler was notified.
    Notified {
        /// Its name as displayed.
        handler: String,
        /// The host.
        host: Arc<str>,
    },
    /// A background job was asked how it is.
    AsyncPolled {
        /// The task.
        task: TaskId,
        /// The host.
        host: Arc<str>,
        /// The job.
        job: String,
        /// As reported: has it started.
        started: bool,
        /// As reported: is it over.
        finished: bool,
    },
    /// A background job is over.
    AsyncFinished {
        /// The task.
        task: TaskId,
        /// The host.
        host: Arc<str>,
        /// The job.
        job: String,
        /// It failed, or its time was over.
        failed: bool,
    },
    /// A warning that belongs to no single result. Sinks show equal ones once.
    Warned(Notice),
    /// Something will stop working in a later release. Sinks show equal ones once.
    Deprecated(Notice),
    /// An error that belongs to no result: the run, or a host's part of it, cannot go on.
    Failed(Report),
    /// What is shown from some `-v` count on.
    Verbose {
        /// The count.
        level: u8,
        /// The host it is about.
        host: Option<Arc<str>>,
        /// The text.
        text: String,
    },
    /// The user is asked, or told that the run waits. Shown as it is.
    Prompted {
        /// The text.
        text: String,
    },
    /// The user is asked for a variable of `vars_prompt`.
    VariableAsked {
        /// The variable.
        name: String,
        /// What is typed is not shown.
        private: bool,
        /// The question.
        prompt: Option<String>,
        /// What counts when nothing is typed.
        default: Option<Value>,
    },
    /// A line of a running program's output, as it comes. Tasks under `no_log` have none.
    OutputLine {
        /// The task.
        task: TaskId,
        /// The host.
        host: Arc<str>,
        /// The item of a loop, as its label says, cut to a short text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<Arc<str>>,
        /// It came from standard error.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        stderr: bool,
        /// The text without its line end.
        text: String,
        /// The line has not ended yet: a question without a line end, a progress bar. It comes again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        partial: bool,
        /// How many bytes at the end of the line were left out.
        #[serde(default, skip_serializing_if = "is_zero")]
        cut: u64,
        /// How many lines before this one were left out, because there were too many too fast.
        #[serde(default, skip_serializing_if = "is_zero")]
        lost: u64,
    },
    /// The counts, after the last play.
    Recap(Recap),
    /// The last event.
    RunFinished {
        /// The exit code.
        exit: u8,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
