//! Stages are run: each after what it needs, with what others gave, and with the checks and faults that belong to it.

use std::collections::{BTreeMap, HashSet};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rplay_diag::Diagnostic;
use rplay_value::json::{self, JsonStyle};
use rplay_value::{Map, Value};

use super::harm::Waiting;
use super::{Ending, Freshness, Gate, INTERRUPTED, Lab, LabError, Parts, Play, Ran, Stop, Told, one_of, plain, shell};
use crate::fault::{Fault, When};
use crate::handoff::{Reached, Spelling};
use crate::stage::{Given, Stage, Work};

/// How a second run of stages ended.
#[derive(Clone, Debug, Default)]
pub struct Idempotence {
    /// Tasks that changed something again: stage, host and name.
    pub changed: Vec<(String, String, String)>,
}

/// Which stages are run.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Their names, in any order; none are all that run by default.
    pub names: Vec<String>,
    /// Not what they need.
    pub only: bool,
    /// Only this one and what comes after it.
    pub from: Option<String>,
    /// Only this one and what comes before it.
    pub until: Option<String>,
    /// One after the other, also where they share no node.
    pub serial: bool,
    /// How many side by side, at most.
    pub parallel: Option<usize>,
    /// Only those that have not run, or whose inputs or needs have changed since.
    pub needed: bool,
    /// Disks are kept under the name of each stage that ended well.
    pub snapshot: bool,
}

impl Choice {
    fn is_all(&self) -> bool {
        self.names.is_empty() && self.from.is_none() && self.until.is_none()
    }
}

impl<'a> Lab<'a> {
    /// Makes what is missing, then runs stages.
    pub fn run(&self, chosen: &Choice) -> Result<(), LabError> {
        let stages = self.chosen(chosen)?;
        let _lock = self.locked()?;
        self.create_locked(Parts::All)?;
        self.with_nodes(|reached| {
            let waiting = Waiting::default();
            self.in_order(&stages, chosen, reached, &waiting)?;
            // What came after a stage that uses it: that stage once more.
            let again: Vec<&Stage> = stages.iter().copied().filter(|stage| self.again(stage, &stages)).collect();
            if !again.is_empty() {
                self.in_order(&again, chosen, reached, &waiting)?;
            }
            self.weigh()?;
            one_of(waiting.errors())?;
            // Where everything ran, a fault that waits for a task that is not there tests nothing.
            let all = chosen.is_all();
            for fault in self.scenario.faults.values().filter(|fault| all && !waiting.has(fault)) {
                if let When::Task(task) = &fault.when {
                    let text = format!("fault `{}` did not befall: no task `{task}` was started", fault.name);
                    return Err(LabError::said(Diagnostic::error(text).at(fault.span, "this fault")));
                }
            }
            Ok(())
        })
    }

    /// Whether a stage ran before something that it uses was there.
    fn again(&self, stage: &Stage, stages: &[&Stage]) -> bool {
        let among = stage.late().any(|late| stages.iter().any(|other| other.name == late.text));
        among && matches!(self.freshness(stage), Freshness::Stale(_))
    }

    /// Stages that will run again because what they use comes after them in this order.
    pub fn late<'s>(&self, stages: &[&'s Stage]) -> Vec<(&'s Stage, String)> {
        let at = |name: &str| stages.iter().position(|stage| stage.name == name);
        let later = |stage: &&Stage| {
            let late = stage.late().find(|late| at(&late.text) > at(&stage.name));
            late.map(|late| late.text.clone())
        };
        stages.iter().filter_map(|stage| Some((*stage, later(stage)?))).collect()
    }

    /// The stages to run, in order.
    pub fn chosen(&self, chosen: &Choice) -> Result<Vec<&'a Stage>, LabError> {
        let mut stages = self.scenario.stages.select(&chosen.names, chosen.only)?;
        for (name, until) in [(&chosen.from, false), (&chosen.until, true)] {
            let Some(name) = name else { continue };
            // Also says whether there is one of that name; a group is its members.
            let named = self.scenario.stages.select(std::slice::from_ref(name), true)?;
            let of_it = |stage: &&Stage| named.iter().any(|named| named.name == stage.name);
            let at = if until { stages.iter().rposition(of_it) } else { stages.iter().position(of_it) };
            let Some(at) = at else {
                let text = format!("stage `{name}` is not one of those that are run");
                let names: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
                let hint = format!("they are {}", rplay_diag::quoted_list(names));
                return Err(LabError::said(Diagnostic::error(text).hint(hint)));
            };
            if until {
                stages.truncate(at + 1);
            } else {
                stages.drain(..at);
            }
        }
        Ok(stages)
    }

    /// Runs stages, each after what it needs. Those that share no node run side by side.
    fn in_order(
        &self,
        stages: &[&'a Stage],
        chosen: &Choice,
        reached: &[Reached<'_>],
        waiting: &Waiting,
    ) -> Result<(), LabError> {
        let mut nodes: Vec<HashSet<&str>> = Vec::new();
        for stage in stages {
            let of_stage = super::pattern::select(self.scenario, reached, stage.on.as_deref())?;
            nodes.push(of_stage.iter().map(|reached| reached.node.name.as_str()).collect());
        }
        let needs: Vec<Vec<usize>> = stages
            .iter()
            .map(|stage| {
                let needs = self.scenario.stages.needs(stage);
                (0..stages.len()).filter(|at| needs.contains(stages[*at].name.as_str())).collect()
            })
            .collect();
        let mut errors = Vec::new();
        std::thread::scope(|scope| {
            let (ended, over) = std::sync::mpsc::channel();
            let (mut begun, mut done, mut running) = (vec![false; stages.len()], vec![false; stages.len()], Vec::new());
            loop {
                for at in 0..stages.len() {
                    let ready = errors.is_empty()
                        && !begun[at]
                        && needs[at].iter().all(|need| done[*need])
                        // What stands before it and shares a node goes first, as written.
                        && (0..at).all(|other| done[other] || begun[other] && !running.contains(&other) || nodes[other].is_disjoint(&nodes[at]))
                        && (running.is_empty() || !chosen.serial && running.len() < chosen.parallel.unwrap_or(usize::MAX))
                        && running.iter().all(|other: &usize| nodes[*other].is_disjoint(&nodes[at]));
                    if !ready {
                        continue;
                    }
                    begun[at] = true;
                    running.push(at);
                    let beside =
                        running.len() > 1 || Self::will_have_company(at, &begun, &done, &needs, &nodes, chosen);
                    let (ended, stage) = (ended.clone(), stages[at]);
                    scope.spawn(move || {
                        let result = if chosen.needed && self.freshness(stage) == Freshness::Fresh {
                            self.tell(&Told::Ended {
                                what: "stage",
                                name: stage.name.clone(),
                                ending: Ending::Same,
                                note: Some("nothing has changed since it ran".to_owned()),
                                took: Duration::ZERO,
                            });
                            Ok(())
                        } else {
                            self.stage(stage, reached, waiting, beside)
                        };
                        let result = result
                            .and_then(|()| if chosen.snapshot { self.snapshot(&stage.name, false) } else { Ok(()) });
                        // The loop lives until everything has ended.
                        let _ = ended.send((at, result));
                    });
                }
                if running.is_empty() {
                    return;
                }
                let Ok((at, result)) = over.recv() else { return };
                running.retain(|other| *other != at);
                done[at] = result.is_ok();
                errors.extend(result.err());
            }
        });
        one_of(errors)
    }

    /// Whether another stage may begin while this one runs.
    fn will_have_company(
        at: usize,
        begun: &[bool],
        done: &[bool],
        needs: &[Vec<usize>],
        nodes: &[HashSet<&str>],
        chosen: &Choice,
    ) -> bool {
        !chosen.serial
            && (0..nodes.len()).any(|other| {
                other != at
                    && !begun[other]
                    && needs[other].iter().all(|need| done[*need])
                    && nodes[other].is_disjoint(&nodes[at])
            })
    }

    /// Runs the stages that must change nothing once more, and tells what they changed.
    pub fn idempotence(&self, names: &[String]) -> Result<Idempotence, LabError> {
        let stages = self.chosen(&Choice { names: names.to_vec(), ..Choice::default() })?;
        let _lock = self.locked()?;
        self.with_nodes(|reached| {
            let mut found = Idempotence::default();
            for stage in stages.into_iter().filter(|stage| stage.idempotent) {
                let Work::Playbook(playbooks) = &stage.work else { continue };
                self.step("idempotence", &stage.name, || {
                    let ran = self.play(stage, playbooks, reached, None, false)?;
                    let changed = ran.changed().map(|ran| (stage.name.clone(), ran.host.clone(), ran.task.clone()));
                    let before = found.changed.len();
                    found.changed.extend(changed);
                    Ok::<_, LabError>(if found.changed.len() == before { Ending::Same } else { Ending::Changed })
                })?;
            }
            Ok(found)
        })
    }

    /// Nodes that are there, with the hand-off files of now.
    pub(super) fn with_nodes<T>(
        &self,
        work: impl FnOnce(&[Reached<'_>]) -> Result<T, LabError>,
    ) -> Result<T, LabError> {
        let objects = self.objects()?;
        let nodes = self.nodes(&objects)?;
        let reached = self.reached(&nodes, &objects)?;
        self.handoff(&reached, Spelling::New)?;
        work(&reached)
    }

    fn stage(&self, stage: &Stage, reached: &[Reached<'_>], waiting: &Waiting, beside: bool) -> Result<(), LabError> {
        let before: Vec<&str> = self.faults(|when| matches!(when, When::Before(name) if name.text == stage.name));
        self.broken(&before, reached, || {
            let began = super::fresh::now();
            let start = std::time::Instant::now();
            self.step("stage", &stage.name, || {
                let mut tries = 0;
                loop {
                    match self.work(stage, reached, waiting, beside) {
                        Err(error) if tries < stage.retries && !matches!(error, LabError::Interrupted) => {
                            tries += 1;
                            self.note(format!(
                                "stage `{}` is tried again ({tries} of {}): {error}",
                                stage.name, stage.retries
                            ));
                        }
                        Ok(ending) => {
                            self.remember(stage, began, ending)?;
                            self.took("stage", &stage.name, start.elapsed());
                            return Ok(ending);
                        }
                        ended => return ended,
                    }
                }
            })
        })?;
        let after: Vec<&str> = self.faults(|when| matches!(when, When::After(name) if name.text == stage.name));
        if !after.is_empty() {
            self.broken(&after, reached, || self.linger(&after))?;
        }
        let checks = self
            .scenario
            .verify
            .iter()
            .filter(|check| check.after.as_ref().is_some_and(|after| after.text == stage.name));
        self.look(checks, reached)
    }

    fn work(
        &self,
        stage: &Stage,
        reached: &[Reached<'_>],
        waiting: &Waiting,
        beside: bool,
    ) -> Result<Ending, LabError> {
        let ending = match &stage.work {
            Work::Playbook(playbooks) => {
                let ran = self.play(stage, playbooks, reached, Some(waiting), beside)?;
                let outputs = self.given(stage, reached, &ran)?;
                self.keep(stage, outputs)?;
                if ran.changed().next().is_none() { Ending::Same } else { Ending::Changed }
            }
            Work::Shell(_) | Work::Program(_) => {
                self.command(stage, reached)?;
                let outputs = self.given(stage, reached, &Ran::default())?;
                self.keep(stage, outputs)?;
                Ending::Done
            }
            Work::Group(_) => Ending::Done,
        };
        Ok(ending)
    }

    /// The environment of runs and commands, with the file of settings where the scenario has some.
    pub(super) fn environment(&self) -> Result<Vec<(String, String)>, LabError> {
        let mut env: Vec<(String, String)> =
            self.scenario.env.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        if !self.scenario.config.is_empty() {
            let folder = std::path::absolute(self.scenario.folder())?;
            let path = self.folder.write("ansible.cfg", &settings(&self.scenario.config, &folder))?;
            env.push(("ANSIBLE_CONFIG".to_owned(), path.display().to_string()));
        }
        Ok(env)
    }

    /// Runs a stage's playbooks; faults that wait for tasks befall when there is somebody `waiting`.
    fn play(
        &self,
        stage: &Stage,
        playbooks: &[std::path::PathBuf],
        reached: &[Reached<'_>],
        waiting: Option<&Waiting>,
        beside: bool,
    ) -> Result<Ran, LabError> {
        let mut vars = stage.vars.clone();
        for (name, value) in self.inputs(stage)? {
            vars.insert(name, value);
        }
        if let Some(pattern) = &stage.on {
            // Told before anything is run.
            super::pattern::select(self.scenario, reached, Some(pattern))?;
        }
        let play = Play {
            name: stage.name.clone(),
            playbooks: playbooks.to_vec(),
            inventory: self.folder.file("hosts"),
            limit: stage.on.clone(),
            tags: stage.tags.clone(),
            skip_tags: stage.skip_tags.clone(),
            vars,
            env: self.environment()?,
            beside,
            gate: None,
            stop: Stop::default(),
        };
        let over = AtomicBool::new(false);
        let runs = |play: Play| match stage.deadline {
            None => self.playbooks.run(&play),
            Some(deadline) => Self::until(deadline, &play.stop, &over, || self.playbooks.run(&play)),
        };
        let waits =
            |fault: &Fault| waiting.is_some_and(|waiting| matches!(fault.when, When::Task(_)) && !waiting.has(fault));
        let (ran, mended) = match waiting.filter(|_| self.scenario.faults.values().any(waits)) {
            None => (runs(play), Ok(())),
            Some(waiting) => {
                let (gate, tasks) = Gate::new();
                let play = Play { gate: Some(gate), ..play };
                self.while_tasks(waiting, tasks, reached, || runs(play))
            }
        };
        let failed = |text: String| Err(LabError::said(Diagnostic::error(text).at(stage.span, "this stage")));
        self.tell(&Told::Ran { stage: stage.name.clone(), ran: ran.clone() });
        match ran.code {
            0 => mended.map(|()| ran),
            _ if over.load(Ordering::SeqCst) => {
                failed(format!("stage `{}` took longer than {:?}", stage.name, stage.deadline.unwrap_or_default()))
            }
            INTERRUPTED => Err(LabError::Interrupted),
            code => {
                let first = ran.tasks.iter().find_map(|task| Some((task, task.failed.as_ref()?)));
                let why = first.map(|(task, why)| format!(": {} on `{}`: {why}", task.task, task.host));
                let why = why.unwrap_or_default();
                failed(format!("stage `{}` failed: the run ended with {code}{why}", stage.name))
            }
        }
    }

    /// Ends a run as the user would (Ctrl-C) when its time is over: its connections are ended in order.
    fn until<T>(deadline: Duration, stop: &Stop, over: &AtomicBool, work: impl FnOnce() -> T) -> T {
        let (done, waiting) = std::sync::mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                if matches!(waiting.recv_timeout(deadline), Err(std::sync::mpsc::RecvTimeoutError::Timeout)) {
                    over.store(true, Ordering::SeqCst);
                    stop.notify_one();
                }
            });
            let ended = work();
            drop(done);
            ended
        })
    }

    fn command(&self, stage: &Stage, reached: &[Reached<'_>]) -> Result<(), LabError> {
        let mut command = match &stage.work {
            Work::Program(words) => {
                let mut command = Command::new(words.first().map(String::as_str).unwrap_or_default());
                command.args(&words[1..]);
                command
            }
            Work::Shell(line) => {
                let mut command = Command::new("sh");
                command.args(["-c", line]);
                command
            }
            _ => return Ok(()),
        };
        let hosts = super::pattern::select(self.scenario, reached, stage.on.as_deref())?;
        let hosts: Vec<&str> = hosts.iter().map(|reached| reached.node.name.as_str()).collect();
        let outputs = self.folder.below("outputs")?;
        command.current_dir(self.scenario.folder());
        command.envs(self.environment()?);
        for (name, value) in stage.vars.texts() {
            command.env(name.to_string().to_ascii_uppercase(), plain(value));
        }
        for (name, value) in self.inputs(stage)? {
            command.env(name.to_ascii_uppercase(), plain(&value));
        }
        command.env("RPLAY_SCENARIO", &self.scenario.name).env("RPLAY_STAGE", &stage.name);
        command.env("RPLAY_INVENTORY", self.folder.file("hosts")).env("RPLAY_OUTPUTS", outputs);
        command.env("RPLAY_SSH_CONFIG", self.folder.file("ssh.config.ansible")).env("RPLAY_NODES", hosts.join(","));
        command.envs(&stage.env);
        let logs = self.folder.below("logs")?;
        let mut log = fs_err::File::create(logs.join(format!("{}.log", stage.name)))?;
        let log = std::sync::Mutex::new(&mut log);
        let line = |text: &str| {
            use std::io::Write as _;
            if let Ok(mut log) = log.lock() {
                // The log is for afterwards; a full disk shows elsewhere.
                let _ = writeln!(log, "{text}");
            }
            self.tell(&Told::Line(stage.name.clone(), text.to_owned()));
        };
        let failed = |text: String| Err(LabError::said(Diagnostic::error(text).at(stage.span, "this stage")));
        match shell::program(command, stage.deadline, &line)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => failed(format!("stage `{}` failed: {status}", stage.name)),
            None => failed(format!("stage `{}` took longer than {:?}", stage.name, stage.deadline.unwrap_or_default())),
        }
    }

    /// Variables from what other stages gave, in this run or an earlier one. What is stale is not used.
    fn inputs(&self, stage: &Stage) -> Result<Vec<(String, Value)>, LabError> {
        let mut inputs = Vec::new();
        for (name, source) in &stage.inputs {
            let giver = &source.stage.text;
            let Some(value) = self.given_by(giver, &source.output) else {
                if source.late {
                    continue;
                }
                let text = format!("stage `{giver}` has not given `{}` yet", source.output);
                let error = Diagnostic::error(text).at(source.stage.span, format!("for `{name}`"));
                return Err(LabError::said(error.hint(format!("`run {giver}` does"))));
            };
            if let Some(Freshness::Stale(why)) = self.scenario.stages.get(giver).map(|giver| self.usable(giver)) {
                let text = format!("what stage `{giver}` gave is stale: {why}");
                let error = Diagnostic::error(text).at(source.stage.span, format!("for `{name}`"));
                return Err(LabError::said(error.hint(format!("`run {giver} {}` makes it anew", stage.name))));
            }
            inputs.push((name.clone(), value));
        }
        Ok(inputs)
    }

    /// What a stage gave under a name, if it has.
    pub(super) fn given_by(&self, stage: &str, output: &str) -> Option<Value> {
        let path = self.folder.file("outputs").join(format!("{stage}.json"));
        match json::loads(&fs_err::read_to_string(path).ok()?).ok()? {
            Value::Map(map) => map.get(output).cloned(),
            _ => None,
        }
    }

    /// What a stage gives to others.
    fn given(&self, stage: &Stage, reached: &[Reached<'_>], ran: &Ran) -> Result<Map, LabError> {
        let mut outputs = Map::new();
        for (name, given) in &stage.outputs {
            let missing =
                |text: String| Err(LabError::said(Diagnostic::error(text).at(stage.span, format!("gives `{name}`"))));
            let value = match given {
                Given::Value(value) => value.clone(),
                Given::File(path) => {
                    let path = self.folder.file("outputs").join(path);
                    if !path.exists() {
                        return missing(format!("stage `{}` did not write {}", stage.name, path.display()));
                    }
                    Value::from(path.display().to_string())
                }
                Given::Fact { name: fact, from } => {
                    let first = super::pattern::select(self.scenario, reached, stage.on.as_deref())?;
                    let first = first.first().map(|reached| reached.node.name.clone());
                    let host = from.as_ref().map(|from| from.text.clone()).or(first).unwrap_or_default();
                    let facts = ran.facts.get(&host);
                    match facts.and_then(|facts| facts.get(fact)).or_else(|| ran.stats.get(fact)) {
                        Some(value) => value.clone(),
                        None => return missing(format!("stage `{}` gave no fact `{fact}` of `{host}`", stage.name)),
                    }
                }
            };
            outputs.insert(name.as_str(), value);
        }
        Ok(outputs)
    }

    fn keep(&self, stage: &Stage, outputs: Map) -> Result<(), LabError> {
        if stage.outputs.is_empty() {
            return Ok(());
        }
        self.folder.below("outputs")?;
        let text = json::dumps(&Value::Map(outputs), &JsonStyle::nice(2)).map_err(std::io::Error::other)?;
        self.folder.write(&format!("outputs/{}.json", stage.name), &text)?;
        Ok(())
    }

    /// Names of the faults that befall at such a time.
    pub(super) fn faults(&self, befalls: impl Fn(&When) -> bool) -> Vec<&str> {
        let faults = self.scenario.faults.values().filter(|fault| befalls(&fault.when));
        faults.map(|fault| fault.name.as_str()).collect()
    }

    /// Why each stage runs: asked for, by default, or because others need it.
    pub fn why(&self, names: &[String], stages: &[&Stage]) -> BTreeMap<String, String> {
        let mut why = BTreeMap::new();
        let asked = self.scenario.stages.select(names, true).unwrap_or_default();
        for stage in stages {
            let text = if asked.iter().any(|asked| asked.name == stage.name) {
                if names.is_empty() { "by default".to_owned() } else { "asked for".to_owned() }
            } else {
                let needs = |other: &&&Stage| self.scenario.stages.needs(other).contains(stage.name.as_str());
                let by: Vec<&str> = stages.iter().filter(needs).map(|stage| stage.name.as_str()).collect();
                format!("needed by {}", by.join(", "))
            };
            why.insert(stage.name.clone(), text);
        }
        why
    }
}

/// Settings as an ansible.cfg. Paths that begin with a dot are the scenario's.
fn settings(config: &Map, folder: &std::path::Path) -> String {
    let mut out = String::new();
    for (section, entries) in config.texts() {
        out.push_str(&format!("[{section}]\n"));
        let Value::Map(entries) = entries else { continue };
        for (name, value) in entries.texts() {
            let text = plain(value);
            let relative = |part: &str| part.starts_with("./") || part.starts_with("../") || part == "..";
            let whole = |part: &str| {
                if relative(part) { folder.join(part).display().to_string() } else { part.to_owned() }
            };
            let parts = text.split(':').map(whole);
            out.push_str(&format!("{name} = {}\n", parts.collect::<Vec<_>>().join(":")));
        }
    }
    out
}
