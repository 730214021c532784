//! ansible-core 2.19's default callback: what people see when they run a playbook.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use rplay_event::{
    Event, EventKind, HostRecap, Notice, Outcome, PlayInfo, Recap, Report, Sink, TaskId, TaskInfo, TaskResult,
};
use rplay_value::Map;

use crate::report::{notice_text, report_text};
use crate::terminal::{Color, Look, Terminal, colored};
use crate::{diff, dump};

/// Keys that `debug` shows besides `msg`.
const DEBUG_ALLOWED: &[&str] = &["msg", "exception", "warnings", "deprecations"];
/// Keys that `debug: var=` hides.
const DEBUG_HIDDEN: &[&str] = &["changed", "failed", "skipped", "invocation", "skip_reason"];

/// The sink.
pub struct Default {
    terminal: Terminal,
    look: Look,
    play: Option<Arc<PlayInfo>>,
    tasks: HashMap<TaskId, Arc<TaskInfo>>,
    banner: Option<TaskId>,
    check: bool,
    seen: HashSet<String>,
    explained_deprecations: bool,
    pending: BTreeSet<TaskId>,
}

impl Default {
    /// A sink that writes to this terminal.
    pub fn new(terminal: Terminal, look: Look) -> Self {
        Self {
            terminal,
            look,
            play: None,
            tasks: HashMap::new(),
            banner: None,
            check: false,
            seen: HashSet::new(),
            explained_deprecations: false,
            pending: BTreeSet::new(),
        }
    }

    fn task(&self, id: TaskId) -> Option<Arc<TaskInfo>> {
        self.tasks.get(&id).cloned()
    }

    fn check_marker(&self, check: bool) -> &'static str {
        if check && self.look.check_markers { " [CHECK MODE]" } else { "" }
    }

    fn play_started(&mut self, play: &Arc<PlayInfo>) -> io::Result<()> {
        let marker = self.check_marker(play.check);
        let name = play.name.trim();
        let text = if name.is_empty() { format!("PLAY{marker}") } else { format!("PLAY [{name}]{marker}") };
        self.play = Some(Arc::clone(play));
        self.terminal.banner(&text)
    }

    /// Whether results of one task come mixed with those of others, so that every result names its task.
    fn free(&self) -> bool {
        let strategy = self.play.as_ref().map_or("linear", |p| p.strategy.as_str());
        matches!(strategy.rsplit('.').next(), Some("free" | "host_pinned"))
    }

    fn task_started(&mut self, task: &Arc<TaskInfo>) -> io::Result<()> {
        self.tasks.insert(task.id, Arc::clone(task));
        if self.look.skipped_hosts && self.look.ok_hosts && !self.free() {
            return self.task_banner(task);
        }
        self.pending.insert(task.id);
        Ok(())
    }

    fn task_banner(&mut self, task: &TaskInfo) -> io::Result<()> {
        if self.banner == Some(task.id) {
            return Ok(());
        }
        let prefix = if task.handler { "RUNNING HANDLER" } else { "TASK" };
        let mut args = String::new();
        if self.look.task_args && !task.no_log && !task.args.is_empty() {
            let pairs: Vec<String> = task.args.iter().map(|(k, v)| format!("{}={}", k.to_str(), v.to_str())).collect();
            let _ = write!(args, " {}", pairs.join(", "));
        }
        self.terminal.banner(&format!("{prefix} [{}{args}]{}", task.name.trim(), self.check_marker(task.check)))?;
        if self.look.verbosity >= 2 {
            self.task_path(task)?;
        }
        self.banner = Some(task.id);
        Ok(())
    }

    fn task_path(&mut self, task: &TaskInfo) -> io::Result<()> {
        match &task.place {
            Some(place) => self.terminal.line(&format!("task path: {}", place.path()), Some(Color::Debug)),
            None => Ok(()),
        }
    }

    fn warned(&mut self, notice: &Notice) -> io::Result<()> {
        let text = format!("[WARNING]: {}", notice_text(notice));
        if !self.seen.insert(text.clone()) {
            return Ok(());
        }
        self.terminal.error_line(&text, Some(Color::Warn))
    }

    fn deprecated(&mut self, notice: &Notice) -> io::Result<()> {
        if !self.look.deprecations {
            return Ok(());
        }
        if !std::mem::replace(&mut self.explained_deprecations, true) {
            self.warned(&Notice::new(
                "Deprecation warnings can be disabled by setting `deprecation_warnings=False` in ansible.cfg.",
            ))?;
        }
        let when =
            notice.version.as_ref().map_or("in the future".to_owned(), |v| format!("from ansible-core version {v}"));
        let message = format!("{}. This feature will be removed {when}.", notice.message.trim_end_matches('.'));
        let text = format!("[DEPRECATION WARNING]: {}", notice_text(&Notice { message, ..notice.clone() }));
        if !self.seen.insert(text.clone()) {
            return Ok(());
        }
        self.terminal.error_line(&text, Some(Color::Deprecate))
    }

    fn failed(&mut self, report: &Report, on_stderr: bool) -> io::Result<()> {
        let text = format!("[ERROR]: {}", report_text(report));
        if !self.seen.insert(text.clone()) {
            return Ok(());
        }
        if on_stderr {
            self.terminal.error_line(&text, Some(Color::Error))
        } else {
            self.terminal.line(&text, Some(Color::Error))
        }
    }

    fn notices(&mut self, result: &TaskResult) -> io::Result<()> {
        for notice in &result.warnings {
            self.warned(notice)?;
        }
        for notice in &result.deprecations {
            self.deprecated(notice)?;
        }
        match &result.error {
            Some(report) => self.failed(report, self.look.failed_stderr),
            None => Ok(()),
        }
    }

    fn bad_line(&mut self, text: &str, color: Color) -> io::Result<()> {
        if self.look.failed_stderr {
            self.terminal.error_line(text, Some(color))
        } else {
            self.terminal.line(text, Some(color))
        }
    }

    fn dump(&self, task: &TaskInfo, result: &TaskResult, without_items: bool) -> String {
        let mut data = cleaned(&result.data, task);
        if without_items {
            data.remove("results");
        }
        dump::result(&data, result.verbose_always, &self.look)
    }

    fn verbose(&self, result: &TaskResult, above: u8) -> bool {
        (self.look.verbosity > above || result.verbose_always) && !result.verbose_override
    }

    fn finished(&mut self, task: &TaskInfo, host: &str, outcome: Outcome, result: &TaskResult) -> io::Result<()> {
        let label = host_label(host, result);
        let items = task.looped && result.is_loop();
        match outcome {
            Outcome::Ok | Outcome::Changed if task.include => self.task_banner(task),
            Outcome::Ok | Outcome::Changed => {
                let changed = outcome == Outcome::Changed;
                if !changed && !self.look.ok_hosts {
                    return Ok(());
                }
                self.task_banner(task)?;
                self.notices(result)?;
                if items {
                    return Ok(());
                }
                let (word, color) = if changed { ("changed", Color::Changed) } else { ("ok", Color::Ok) };
                let mut text = format!("{word}: [{label}]");
                if self.verbose(result, 0) {
                    let _ = write!(text, " => {}", self.dump(task, result, false));
                }
                self.terminal.line(&text, Some(color))
            }
            Outcome::Skipped => {
                if !self.look.skipped_hosts {
                    return Ok(());
                }
                self.task_banner(task)?;
                self.notices(result)?;
                let mut text = format!("skipping: [{host}]");
                if self.verbose(result, 0) {
                    let _ = write!(text, " => {}", self.dump(task, result, items));
                }
                self.terminal.line(&text, Some(Color::Skip))
            }
            Outcome::Failed { ignored, .. } => {
                self.task_banner(task)?;
                self.notices(result)?;
                if !items {
                    if self.look.verbosity < 2 && self.look.path_on_failure {
                        self.task_path(task)?;
                    }
                    let text = format!("fatal: [{label}]: FAILED! => {}", self.dump(task, result, false));
                    self.bad_line(&text, Color::Error)?;
                }
                self.ignoring(ignored)
            }
            Outcome::Unreachable { ignored } => {
                self.task_banner(task)?;
                self.notices(result)?;
                let dump = dump::result(&result.data, result.verbose_always, &self.look);
                self.bad_line(&format!("fatal: [{label}]: UNREACHABLE! => {dump}"), Color::Unreachable)?;
                self.ignoring(ignored)
            }
        }
    }

    fn ignoring(&mut self, ignored: bool) -> io::Result<()> {
        if ignored { self.terminal.line("...ignoring", Some(Color::Skip)) } else { Ok(()) }
    }

    fn item_finished(&mut self, task: &TaskInfo, host: &str, outcome: Outcome, result: &TaskResult) -> io::Result<()> {
        let label = host_label(host, result);
        let item = item_label(result);
        match outcome {
            Outcome::Ok | Outcome::Changed => {
                let changed = outcome == Outcome::Changed;
                if task.include || !changed && !self.look.ok_hosts {
                    return Ok(());
                }
                self.task_banner(task)?;
                self.notices(result)?;
                let (word, color) = if changed { ("changed", Color::Changed) } else { ("ok", Color::Ok) };
                let mut text = format!("{word}: [{label}] => (item={item})");
                if self.verbose(result, 0) {
                    let _ = write!(text, " => {}", self.dump(task, result, false));
                }
                self.terminal.line(&text, Some(color))
            }
            Outcome::Skipped => {
                if !self.look.skipped_hosts {
                    return Ok(());
                }
                self.task_banner(task)?;
                self.notices(result)?;
                let mut text = format!("skipping: [{host}] => (item={item}) ");
                if self.verbose(result, 0) {
                    let _ = write!(text, " => {}", self.dump(task, result, false));
                }
                self.terminal.line(&text, Some(Color::Skip))
            }
            Outcome::Failed { .. } | Outcome::Unreachable { .. } => {
                self.task_banner(task)?;
                self.notices(result)?;
                let dump = self.dump(task, result, false);
                self.bad_line(&format!("failed: [{label}] (item={item}) => {dump}"), Color::Error)
            }
        }
    }

    fn retried(&mut self, task: &TaskInfo, host: &str, left: u64, result: &TaskResult) -> io::Result<()> {
        let label = host_label(host, result);
        let mut text = format!("FAILED - RETRYING: [{label}]: {} ({left} retries left).", task.short_name);
        if self.verbose(result, 2) {
            let _ = write!(text, "Result was: {}", self.dump(task, result, false));
        }
        self.terminal.line(&text, Some(Color::Debug))
    }

    fn recap(&mut self, recap: &Recap) -> io::Result<()> {
        self.terminal.banner("PLAY RECAP")?;
        let color = self.terminal.color();
        for (host, counts) in &recap.hosts {
            let text = recap_line(host, counts, color);
            self.terminal.line(&text, None)?;
        }
        self.terminal.line("", None)?;
        if self.look.custom_stats && (!recap.custom.is_empty() || !recap.custom_per_host.is_empty()) {
            self.terminal.banner("CUSTOM STATS: ")?;
            for (host, stats) in &recap.custom_per_host {
                self.terminal.line(&format!("\t{host}: {}", dump::statistics(stats)), None)?;
            }
            if !recap.custom.is_empty() {
                self.terminal.line("", None)?;
                self.terminal.line(&format!("\tRUN: {}", dump::statistics(&recap.custom)), None)?;
            }
            self.terminal.line("", None)?;
        }
        self.dry_run()
    }

    fn dry_run(&mut self) -> io::Result<()> {
        if self.check && self.look.check_markers { self.terminal.banner("DRY RUN") } else { Ok(()) }
    }

    fn playbook_started(&mut self, file: &str) -> io::Result<()> {
        if self.look.verbosity > 1 {
            let name = file.rsplit('/').next().unwrap_or(file);
            self.terminal.banner(&format!("PLAYBOOK: {name}"))?;
        }
        if self.look.verbosity > 3 {
            self.terminal.line(&format!("Positional arguments: {file}"), Some(Color::Verbose))?;
        }
        self.dry_run()
    }
}

/// The counts of one host, as wide as ansible writes them.
fn recap_line(host: &str, counts: &HostRecap, color: bool) -> String {
    let host_color = if counts.failed + counts.unreachable > 0 {
        Color::Error
    } else if counts.changed > 0 {
        Color::Changed
    } else {
        Color::Ok
    };
    let name = if color { format!("{:<37}", colored(host, Some(host_color), true)) } else { format!("{host:<26}") };
    let count = |word: &str, n: u64, shade: Color| colored(&format!("{word}={n:<4}"), (n != 0).then_some(shade), color);
    format!(
        "{name} : {} {} {} {} {} {} {}",
        count("ok", counts.ok, Color::Ok),
        count("changed", counts.changed, Color::Changed),
        count("unreachable", counts.unreachable, Color::Unreachable),
        count("failed", counts.failed, Color::Error),
        count("skipped", counts.skipped, Color::Skip),
        count("rescued", counts.rescued, Color::Ok),
        count("ignored", counts.ignored, Color::Warn),
    )
}

/// `host`, or `host -> delegate`, or `host -> delegate(address)`.
fn host_label(host: &str, result: &TaskResult) -> String {
    match &result.delegated_to {
        Some(delegate) if delegate.host != host => match delegate.address.as_deref().filter(|a| *a != delegate.host) {
            Some(address) => format!("{host} -> {}({address})", delegate.host),
            None => format!("{host} -> {}", delegate.host),
        },
        _ => host.to_owned(),
    }
}

fn item_label(result: &TaskResult) -> String {
    if result.no_log {
        return "(censored due to no_log)".to_owned();
    }
    let label = result.label.as_ref().or_else(|| result.data.get("item"));
    label.map_or_else(|| "None".to_owned(), |v| v.to_str().into_owned())
}

/// `debug` shows what it was asked for and nothing else.
fn cleaned(data: &Map, task: &TaskInfo) -> Map {
    if !matches!(task.action.as_str(), "debug" | "ansible.builtin.debug" | "ansible.legacy.debug") {
        return data.clone();
    }
    if data.contains("msg") {
        let kept =
            data.iter().filter(|(k, _)| k.as_str().is_some_and(|k| DEBUG_ALLOWED.contains(&k) || k.starts_with('_')));
        return kept.map(|(k, v)| (k.clone(), v.clone())).collect();
    }
    data.iter()
        .filter(|(k, _)| !k.as_str().is_some_and(|k| DEBUG_HIDDEN.contains(&k)))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

impl Sink for Default {
    fn on_event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::RunStarted(run) => {
                self.check = run.check;
                Ok(())
            }
            EventKind::PlaybookStarted { file } => self.playbook_started(file),
            EventKind::PlayStarted(play) => self.play_started(play),
            EventKind::NoHostsMatched => self.terminal.line("skipping: no hosts matched", Some(Color::Skip)),
            EventKind::NoHostsRemaining => self.terminal.banner("NO MORE HOSTS LEFT"),
            EventKind::TaskStarted(task) => self.task_started(task),
            EventKind::ItemFinished { task, host, outcome, result } => match self.task(*task) {
                Some(task) => self.item_finished(&task, host, *outcome, result),
                None => Ok(()),
            },
            EventKind::HostFinished { task, host, outcome, result } => match self.task(*task) {
                Some(task) => self.finished(&task, host, *outcome, result),
                None => Ok(()),
            },
            EventKind::Retried { task, host, retries_left, result } => match self.task(*task) {
                Some(task) => self.retried(&task, host, *retries_left, result),
                None => Ok(()),
            },
            EventKind::Diff { task, diffs, .. } => {
                let text = diff::text(diffs, &self.look);
                if text.is_empty() {
                    return Ok(());
                }
                if let Some(task) = self.task(*task) {
                    self.task_banner(&task)?;
                }
                self.terminal.line(&text, None)
            }
            EventKind::Included { file, hosts, label, .. } => {
                let mut text = format!("included: {file} for {}", hosts.join(", "));
                if let Some(label) = label.as_ref().filter(|l| l.is_true()) {
                    let _ = write!(text, " => (item={})", label.to_str());
                }
                self.terminal.line(&text, Some(Color::Included))
            }
            EventKind::Notified { handler, host } if self.look.verbosity > 1 => {
                self.terminal.line(&format!("NOTIFIED HANDLER {handler} for {host}"), Some(Color::Verbose))
            }
            EventKind::AsyncPolled { host, job, started, finished, .. } => {
                let number = |b: bool| u8::from(b);
                let text = format!(
                    "ASYNC POLL on {host}: jid={job} started={} finished={}",
                    number(*started),
                    number(*finished)
                );
                self.terminal.line(&text, Some(Color::Debug))
            }
            EventKind::AsyncFinished { host, job, failed, .. } => {
                let word = if *failed { "FAILED" } else { "OK" };
                self.terminal.line(&format!("ASYNC {word} on {host}: jid={job}"), Some(Color::Debug))
            }
            EventKind::Warned(notice) => self.warned(notice),
            EventKind::Deprecated(notice) => self.deprecated(notice),
            EventKind::Failed(report) => self.failed(report, true),
            EventKind::Verbose { level, host, text } if self.look.verbosity >= *level => {
                let text = host.as_ref().map_or_else(|| text.clone(), |host| format!("<{host}> {text}"));
                self.terminal.line(&text, Some(Color::Verbose))
            }
            EventKind::Prompted { text } => {
                self.terminal.line(text, None)?;
                self.terminal.flush()
            }
            EventKind::Recap(recap) => self.recap(recap),
            EventKind::RunFinished { .. } => self.terminal.flush(),
            EventKind::HostStarted { .. }
            | EventKind::Chunk { .. }
            | EventKind::Notified { .. }
            | EventKind::Verbose { .. } => Ok(()),
        }?;
        self.flush_when_due(event)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.terminal.flush()
    }
}

impl Default {
    /// People watch runs: a result is visible at once. Bursts (items of a loop) are written together.
    fn flush_when_due(&mut self, event: &Event) -> io::Result<()> {
        match event.kind {
            EventKind::HostFinished { .. } | EventKind::Recap(_) | EventKind::TaskStarted(_) => self.terminal.flush(),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use rplay_event::{Delegate, PlayId};
    use rplay_value::Value;

    use super::*;

    #[derive(Clone, std::default::Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn result(data: &[(&str, Value)]) -> TaskResult {
        TaskResult { data: data.iter().map(|(k, v)| (*k, v.clone())).collect(), ..TaskResult::default() }
    }

    #[test]
    fn delegates_and_addresses_are_named() {
        let mut r = result(&[]);
        r.delegated_to = Some(Delegate { host: "b".into(), address: Some("10.0.0.1".into()) });
        assert_eq!(host_label("a", &r), "a -> b(10.0.0.1)");
        r.delegated_to = Some(Delegate { host: "a".into(), address: None });
        assert_eq!(host_label("a", &r), "a");
    }

    #[test]
    fn a_recap_is_as_wide_as_ansibles() {
        let counts = HostRecap { ok: 3, changed: 1, ..HostRecap::default() };
        assert_eq!(
            recap_line("localhost", &counts, false),
            "localhost                  : ok=3    changed=1    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0   "
        );
        assert_eq!(
            recap_line("h", &counts, true),
            format!(
                "{:<37} : \u{1b}[0;32mok=3   \u{1b}[0m \u{1b}[0;33mchanged=1   \u{1b}[0m unreachable=0    failed=0    skipped=0    rescued=0    ignored=0   ",
                "\u{1b}[0;33mh\u{1b}[0m"
            )
        );
    }

    #[test]
    fn debug_shows_only_what_was_asked() {
        let shared = Shared::default();
        let look = Look::default();
        let mut sink = Default::new(Terminal::new(Box::new(shared.clone()), Box::new(shared.clone()), &look), look);
        let id = TaskId(1);
        let play = PlayId(1);
        let task = TaskInfo {
            id,
            play,
            name: "say".into(),
            short_name: "say".into(),
            role: None,
            action: "ansible.builtin.debug".into(),
            place: None,
            args: Map::new(),
            handler: false,
            looped: false,
            include: false,
            check: false,
            no_log: false,
            tags: Vec::new(),
        };
        let mut data = result(&[("msg", Value::from("hi")), ("changed", Value::Bool(false))]);
        data.verbose_always = true;
        let at = |kind| Event { seq: 1, at: jiff::Timestamp::now(), elapsed: std::time::Duration::ZERO, kind };
        sink.on_event(&at(EventKind::TaskStarted(Arc::new(task)))).unwrap();
        sink.on_event(&at(EventKind::HostFinished {
            task: id,
            host: Arc::from("h"),
            outcome: Outcome::Ok,
            result: Arc::new(data),
        }))
        .unwrap();
        let text = String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
        let stars = "*".repeat(79 - "TASK [say]".len());
        assert_eq!(text, format!("\nTASK [say] {stars}\nok: [h] => {{\n    \"msg\": \"hi\"\n}}\n"));
    }
}
