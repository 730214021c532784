//! ansible-core 2.19's default callback: what people see when they run a playbook.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use rplay_event::{Event, EventKind, HostRecap, Outcome, PlayInfo, Recap, Sink, TaskId, TaskInfo, TaskResult};

use crate::result::{cleaned, host_label, item_label};
use crate::screen::Screen;
use crate::terminal::{Color, Look, Palette, Terminal, colored};
use crate::{diff, dump};

/// The sink.
pub struct Default {
    screen: Screen,
    play: Option<Arc<PlayInfo>>,
    tasks: HashMap<TaskId, Arc<TaskInfo>>,
    banner: Option<TaskId>,
    check: bool,
}

impl Default {
    /// A sink that writes to this terminal.
    pub fn new(terminal: Terminal, look: Look) -> Self {
        Self { screen: Screen::new(terminal, look), play: None, tasks: HashMap::new(), banner: None, check: false }
    }

    /// Takes note of a play or task without showing it.
    pub(crate) fn learn(&mut self, event: &Event) {
        match &event.kind {
            EventKind::PlayStarted(play) => self.play = Some(Arc::clone(play)),
            EventKind::TaskStarted(task) => _ = self.tasks.insert(task.id, Arc::clone(task)),
            _ => {}
        }
    }

    fn task(&self, id: TaskId) -> Option<Arc<TaskInfo>> {
        self.tasks.get(&id).cloned()
    }

    fn check_marker(&self, check: bool) -> &'static str {
        if check && self.screen.look.check_markers { " [CHECK MODE]" } else { "" }
    }

    fn play_started(&mut self, play: &Arc<PlayInfo>) -> io::Result<()> {
        let marker = self.check_marker(play.check);
        let name = play.name.trim();
        let text = if name.is_empty() { format!("PLAY{marker}") } else { format!("PLAY [{name}]{marker}") };
        self.play = Some(Arc::clone(play));
        self.screen.terminal.banner(&text)
    }

    /// Whether results of one task come mixed with those of others, so that every result names its task.
    fn free(&self) -> bool {
        let strategy = self.play.as_ref().map_or("linear", |p| p.strategy.as_str());
        matches!(strategy.rsplit('.').next(), Some("free" | "host_pinned"))
    }

    fn task_started(&mut self, task: &Arc<TaskInfo>) -> io::Result<()> {
        self.tasks.insert(task.id, Arc::clone(task));
        if self.screen.look.skipped_hosts && self.screen.look.ok_hosts && !self.free() {
            return self.task_banner(task);
        }
        Ok(())
    }

    fn task_banner(&mut self, task: &TaskInfo) -> io::Result<()> {
        if self.banner == Some(task.id) {
            return Ok(());
        }
        let prefix = if task.handler { "RUNNING HANDLER" } else { "TASK" };
        let mut args = String::new();
        if self.screen.look.task_args && !task.no_log && !task.args.is_empty() {
            let pairs: Vec<String> = task.args.iter().map(|(k, v)| format!("{}={}", k.to_str(), v.to_str())).collect();
            let _ = write!(args, " {}", pairs.join(", "));
        }
        self.screen.terminal.banner(&format!(
            "{prefix} [{}{args}]{}",
            task.name.trim(),
            self.check_marker(task.check)
        ))?;
        if self.screen.look.verbosity >= 2 {
            self.task_path(task)?;
        }
        self.banner = Some(task.id);
        Ok(())
    }

    fn task_path(&mut self, task: &TaskInfo) -> io::Result<()> {
        match &task.place {
            Some(place) => self.screen.terminal.line(&format!("task path: {}", place.path()), Some(Color::Debug)),
            None => Ok(()),
        }
    }

    fn dump(&self, task: &TaskInfo, result: &TaskResult, without_items: bool) -> String {
        let mut data = cleaned(&result.data, task);
        if without_items {
            data.remove("results");
        }
        dump::result(&data, result.verbose_always, &self.screen.look)
    }

    fn finished(&mut self, task: &TaskInfo, host: &str, outcome: Outcome, result: &TaskResult) -> io::Result<()> {
        let label = host_label(host, result);
        let items = task.looped && result.is_loop();
        match outcome {
            Outcome::Ok | Outcome::Changed if task.include => self.task_banner(task),
            Outcome::Ok | Outcome::Changed if items => {
                if outcome == Outcome::Ok && !self.screen.look.ok_hosts {
                    return Ok(());
                }
                self.task_banner(task)?;
                self.screen.notices(result)
            }
            Outcome::Ok | Outcome::Changed => self.done(task, outcome, &format!("[{label}]"), result),
            Outcome::Skipped => self.skipped(task, &format!("[{host}]"), result, items),
            Outcome::Failed { ignored, .. } => {
                self.task_banner(task)?;
                self.screen.notices(result)?;
                // What `debug` does not show is not there for ansible-core either: its failed loops are shown as a whole.
                if !items || !cleaned(&result.data, task).contains("results") {
                    if self.screen.look.verbosity < 2 && self.screen.look.path_on_failure {
                        self.task_path(task)?;
                    }
                    let text = format!("fatal: [{label}]: FAILED! => {}", self.dump(task, result, false));
                    self.screen.bad_line(&text, Color::Error)?;
                }
                self.ignoring(ignored)
            }
            Outcome::Unreachable { ignored } => {
                self.task_banner(task)?;
                self.screen.notices(result)?;
                let dump = dump::result(&result.data, result.verbose_always, &self.screen.look);
                self.screen.bad_line(&format!("fatal: [{label}]: UNREACHABLE! => {dump}"), Color::Unreachable)?;
                self.ignoring(ignored)
            }
        }
    }

    /// The line of a host or item that is ok or changed.
    fn done(&mut self, task: &TaskInfo, outcome: Outcome, who: &str, result: &TaskResult) -> io::Result<()> {
        let changed = outcome == Outcome::Changed;
        if !changed && !self.screen.look.ok_hosts {
            return Ok(());
        }
        self.task_banner(task)?;
        self.screen.notices(result)?;
        let (word, color) = if changed { ("changed", Color::Changed) } else { ("ok", Color::Ok) };
        let mut text = format!("{word}: {who}");
        if self.screen.verbose(result, 0) {
            let _ = write!(text, " => {}", self.dump(task, result, false));
        }
        self.screen.terminal.line(&text, Some(color))
    }

    /// The line of a host or item that was skipped.
    fn skipped(&mut self, task: &TaskInfo, who: &str, result: &TaskResult, without_items: bool) -> io::Result<()> {
        if !self.screen.look.skipped_hosts {
            return Ok(());
        }
        self.task_banner(task)?;
        self.screen.notices(result)?;
        let mut text = format!("skipping: {who}");
        if self.screen.verbose(result, 0) {
            let _ = write!(text, " => {}", self.dump(task, result, without_items));
        }
        self.screen.terminal.line(&text, Some(Color::Skip))
    }

    fn ignoring(&mut self, ignored: bool) -> io::Result<()> {
        if ignored { self.screen.terminal.line("...ignoring", Some(Color::Skip)) } else { Ok(()) }
    }

    fn item_finished(&mut self, task: &TaskInfo, host: &str, outcome: Outcome, result: &TaskResult) -> io::Result<()> {
        let label = host_label(host, result);
        let item = item_label(result);
        match outcome {
            Outcome::Ok | Outcome::Changed if task.include => Ok(()),
            Outcome::Ok | Outcome::Changed => self.done(task, outcome, &format!("[{label}] => (item={item})"), result),
            Outcome::Skipped => self.skipped(task, &format!("[{host}] => (item={item}) "), result, false),
            Outcome::Failed { .. } | Outcome::Unreachable { .. } => {
                self.task_banner(task)?;
                self.screen.notices(result)?;
                let dump = self.dump(task, result, false);
                self.screen.bad_line(&format!("failed: [{label}] (item={item}) => {dump}"), Color::Error)
            }
        }
    }

    fn retried(&mut self, task: &TaskInfo, host: &str, left: u64, result: &TaskResult) -> io::Result<()> {
        let label = host_label(host, result);
        let mut text = format!("FAILED - RETRYING: [{label}]: {} ({left} retries left).", task.short_name);
        if self.screen.verbose(result, 2) {
            let _ = write!(text, "Result was: {}", self.dump(task, result, false));
        }
        self.screen.terminal.line(&text, Some(Color::Debug))
    }

    fn recap(&mut self, recap: &Recap) -> io::Result<()> {
        self.screen.terminal.banner("PLAY RECAP")?;
        let palette = self.screen.terminal.palette().cloned();
        for (host, counts) in &recap.hosts {
            let text = recap_line(host, counts, palette.as_ref());
            self.screen.terminal.line(&text, None)?;
        }
        self.screen.terminal.line("", None)?;
        if self.screen.look.custom_stats && (!recap.custom.is_empty() || !recap.custom_per_host.is_empty()) {
            self.screen.terminal.banner("CUSTOM STATS: ")?;
            for (host, stats) in &recap.custom_per_host {
                self.screen
                    .terminal
                    .line(&format!("\t{host}: {}", dump::statistics(stats, &self.screen.look)), None)?;
            }
            if !recap.custom.is_empty() {
                self.screen.terminal.line("", None)?;
                self.screen
                    .terminal
                    .line(&format!("\tRUN: {}", dump::statistics(&recap.custom, &self.screen.look)), None)?;
            }
            self.screen.terminal.line("", None)?;
        }
        self.dry_run()
    }

    fn dry_run(&mut self) -> io::Result<()> {
        if self.check && self.screen.look.check_markers { self.screen.terminal.banner("DRY RUN") } else { Ok(()) }
    }

    fn playbook_started(&mut self, file: &str) -> io::Result<()> {
        if self.screen.look.verbosity > 1 {
            let name = file.rsplit('/').next().unwrap_or(file);
            self.screen.terminal.banner(&format!("PLAYBOOK: {name}"))?;
        }
        if self.screen.look.verbosity > 3 {
            self.screen.terminal.line(&format!("Positional arguments: {file}"), Some(Color::Verbose))?;
        }
        self.dry_run()
    }
}

/// The counts of one host, as wide as ansible writes them.
fn recap_line(host: &str, counts: &HostRecap, palette: Option<&Palette>) -> String {
    let host_color = if counts.failed + counts.unreachable > 0 {
        Color::Error
    } else if counts.changed > 0 {
        Color::Changed
    } else {
        Color::Ok
    };
    let name = match palette {
        Some(_) => format!("{:<37}", colored(host, Some(host_color), palette)),
        None => format!("{host:<26}"),
    };
    let count =
        |word: &str, n: u64, shade: Color| colored(&format!("{word}={n:<4}"), (n != 0).then_some(shade), palette);
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

impl Sink for Default {
    fn on_event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::RunStarted(run) => {
                self.check = run.check;
                Ok(())
            }
            EventKind::PlaybookStarted { file } => self.playbook_started(file),
            EventKind::PlayStarted(play) => self.play_started(play),
            EventKind::NoHostsMatched => self.screen.terminal.line("skipping: no hosts matched", Some(Color::Skip)),
            EventKind::NoHostsRemaining => self.screen.terminal.banner("NO MORE HOSTS LEFT"),
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
                let text = diff::text(diffs, &self.screen.look);
                if text.is_empty() {
                    return Ok(());
                }
                if let Some(task) = self.task(*task) {
                    self.task_banner(&task)?;
                }
                self.screen.terminal.line(&text, None)
            }
            EventKind::Included { file, hosts, label, .. } => {
                let mut text = format!("included: {file} for {}", hosts.join(", "));
                if let Some(label) = label.as_ref().filter(|l| l.is_true()) {
                    let _ = write!(text, " => (item={})", label.to_str());
                }
                self.screen.terminal.line(&text, Some(Color::Included))
            }
            EventKind::Notified { handler, host } if self.screen.look.verbosity > 1 => {
                self.screen.terminal.line(&format!("NOTIFIED HANDLER {handler} for {host}"), Some(Color::Verbose))
            }
            EventKind::AsyncPolled { host, job, started, finished, .. } => {
                let word = |b: bool| if b { "True" } else { "False" };
                let text =
                    format!("ASYNC POLL on {host}: jid={job} started={} finished={}", word(*started), word(*finished));
                self.screen.terminal.line(&text, Some(Color::Debug))
            }
            EventKind::AsyncFinished { host, job, failed, .. } => {
                let word = if *failed { "FAILED" } else { "OK" };
                self.screen.terminal.line(&format!("ASYNC {word} on {host}: jid={job}"), Some(Color::Debug))
            }
            EventKind::Recap(recap) => self.recap(recap),
            EventKind::RunFinished { .. } => self.screen.terminal.flush(),
            EventKind::HostStarted { task, host } => match self.task(*task) {
                Some(task) if self.screen.look.host_starts => {
                    let text = format!(" [started TASK: {} on {host}]", task.name);
                    self.screen.terminal.line(&text, Some(Color::Ok))
                }
                _ => Ok(()),
            },
            EventKind::OutputLine { task, .. } if self.screen.look.follow => {
                if let Some(task) = self.task(*task) {
                    self.task_banner(&task)?;
                }
                self.screen.common(&event.kind)
            }
            other => self.screen.common(other),
        }?;
        self.flush_when_due(event)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.screen.terminal.flush()
    }
}

impl Default {
    /// People watch runs: a result is visible at once. Bursts (items of a loop) are written together.
    fn flush_when_due(&mut self, event: &Event) -> io::Result<()> {
        match event.kind {
            EventKind::HostFinished { .. } | EventKind::Recap(_) | EventKind::TaskStarted(_) => {
                self.screen.terminal.flush()
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use rplay_event::PlayId;
    use rplay_value::{Map, Value};

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
    fn a_recap_is_as_wide_as_ansibles() {
        let counts = HostRecap { ok: 3, changed: 1, ..HostRecap::default() };
        assert_eq!(
            recap_line("localhost", &counts, None),
            "localhost                  : ok=3    changed=1    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0   "
        );
        assert_eq!(
            recap_line("h", &counts, Some(&Palette::default())),
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
