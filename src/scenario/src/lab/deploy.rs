//! Stages are run: each after what it needs, with what others gave, and with the checks and faults that belong to it.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rplay_diag::Diagnostic;
use rplay_value::json::{self, JsonStyle};
use rplay_value::{Map, Value};

use super::{Ending, INTERRUPTED, Lab, LabError, Play, Ran, Told, plain, shell};
use crate::fault::When;
use crate::handoff::{Reached, Spelling};
use crate::stage::{Given, Stage, Work};

/// How a second run of stages ended.
#[derive(Clone, Debug, Default)]
pub struct Idempotence {
    /// Tasks that changed something again: stage, host and name.
    pub changed: Vec<(String, String, String)>,
}

impl Lab<'_> {
    /// Makes what is missing, then runs stages: those named with what they need, unless `only`, or all by default.
    pub fn run(&self, names: &[String], only: bool, from: Option<&str>) -> Result<(), LabError> {
        let stages = self.chosen(names, only, from)?;
        let _lock = self.folder.lock(&self.scenario.name)?;
        self.create_locked()?;
        self.with_nodes(|reached| {
            for stage in stages {
                self.stage(stage, reached)?;
            }
            Ok(())
        })
    }

    /// The stages to run, in order. With `from`, only that one and what comes after it.
    pub fn chosen(&self, names: &[String], only: bool, from: Option<&str>) -> Result<Vec<&Stage>, LabError> {
        let mut stages = self.scenario.stages.select(names, only)?;
        if let Some(from) = from {
            // Also says whether there is one of that name.
            let first = self.scenario.stages.select(&[from.to_owned()], true)?;
            let Some(at) = stages.iter().position(|stage| first.iter().any(|first| first.name == stage.name)) else {
                let text = format!("stage `{from}` is not one of those that are run");
                let names: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
                let hint = format!("they are {}", rplay_diag::quoted_list(names));
                return Err(LabError::said(Diagnostic::error(text).hint(hint)));
            };
            stages.drain(..at);
        }
        Ok(stages)
    }

    /// Runs the stages that must change nothing once more, and tells what they changed.
    pub fn idempotence(&self, names: &[String]) -> Result<Idempotence, LabError> {
        let stages = self.chosen(names, false, None)?;
        let _lock = self.folder.lock(&self.scenario.name)?;
        self.with_nodes(|reached| {
            let mut found = Idempotence::default();
            for stage in stages.into_iter().filter(|stage| stage.idempotent) {
                let Work::Playbook(playbooks) = &stage.work else { continue };
                self.step("idempotence", &stage.name, || {
                    let ran = self.play(stage, playbooks, reached)?;
                    let changed = ran.changed.into_iter().map(|(host, task)| (stage.name.clone(), host, task));
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

    fn stage(&self, stage: &Stage, reached: &[Reached<'_>]) -> Result<(), LabError> {
        let before: Vec<&str> = self.faults(|when| matches!(when, When::Before(name) if name.text == stage.name));
        self.broken(&before, reached, || {
            self.step("stage", &stage.name, || {
                let mut tries = 0;
                loop {
                    match self.work(stage, reached) {
                        Err(error) if tries < stage.retries && !matches!(error, LabError::Interrupted) => {
                            tries += 1;
                            self.note(format!(
                                "stage `{}` is tried again ({tries} of {}): {error}",
                                stage.name, stage.retries
                            ));
                        }
                        ended => return ended,
                    }
                }
            })
        })?;
        let after: Vec<&str> = self.faults(|when| matches!(when, When::After(name) if name.text == stage.name));
        self.broken(&after, reached, || self.linger(&after))?;
        let checks = self
            .scenario
            .verify
            .iter()
            .filter(|check| check.after.as_ref().is_some_and(|after| after.text == stage.name));
        self.look(checks, reached)
    }

    fn work(&self, stage: &Stage, reached: &[Reached<'_>]) -> Result<Ending, LabError> {
        let ending = match &stage.work {
            Work::Playbook(playbooks) => {
                let ran = self.play(stage, playbooks, reached)?;
                let outputs = self.given(stage, reached, &ran)?;
                self.keep(stage, outputs)?;
                if ran.changed.is_empty() { Ending::Same } else { Ending::Changed }
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

    fn play(&self, stage: &Stage, playbooks: &[std::path::PathBuf], reached: &[Reached<'_>]) -> Result<Ran, LabError> {
        let mut vars = stage.vars.clone();
        for (name, value) in self.inputs(stage)? {
            vars.insert(name, value);
        }
        if let Some(pattern) = &stage.on {
            // Told before anything is run.
            super::pattern::select(self.scenario, reached, Some(pattern))?;
        }
        let play = Play {
            playbooks: playbooks.to_vec(),
            inventory: self.folder.file("hosts"),
            limit: stage.on.clone(),
            tags: stage.tags.clone(),
            skip_tags: stage.skip_tags.clone(),
            vars,
        };
        let over = AtomicBool::new(false);
        let ran = match stage.deadline {
            None => self.playbooks.run(&play),
            Some(deadline) => Self::until(deadline, &over, || self.playbooks.run(&play)),
        };
        let failed = |text: String| Err(LabError::said(Diagnostic::error(text).at(stage.span, "this stage")));
        match ran.code {
            0 => Ok(ran),
            _ if over.load(Ordering::SeqCst) => {
                failed(format!("stage `{}` took longer than {:?}", stage.name, stage.deadline.unwrap_or_default()))
            }
            INTERRUPTED => Err(LabError::Interrupted),
            code => failed(format!("stage `{}` failed: the run ended with {code}", stage.name)),
        }
    }

    /// Ends a run as the user would (Ctrl-C) when its time is over: its connections are ended in order.
    fn until<T>(deadline: Duration, over: &AtomicBool, work: impl FnOnce() -> T) -> T {
        let (done, waiting) = std::sync::mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                if matches!(waiting.recv_timeout(deadline), Err(std::sync::mpsc::RecvTimeoutError::Timeout)) {
                    over.store(true, Ordering::SeqCst);
                    let _ = nix::sys::signal::kill(nix::unistd::getpid(), nix::sys::signal::Signal::SIGINT);
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

    /// Variables from what other stages gave, in this run or an earlier one.
    fn inputs(&self, stage: &Stage) -> Result<Vec<(String, Value)>, LabError> {
        let mut inputs = Vec::new();
        for (name, source) in &stage.inputs {
            let path = self.folder.file("outputs").join(format!("{}.json", source.stage.text));
            let text = fs_err::read_to_string(&path).unwrap_or_default();
            let given = json::loads(&text).ok();
            let value = given.as_ref().and_then(|given| match given {
                Value::Map(map) => map.get(&source.output).cloned(),
                _ => None,
            });
            let Some(value) = value else {
                let text = format!("stage `{}` has not given `{}` yet", source.stage.text, source.output);
                let error = Diagnostic::error(text).at(source.stage.span, format!("for `{name}`"));
                return Err(LabError::said(error.hint(format!("`run {}` does", source.stage.text))));
            };
            inputs.push((name.clone(), value));
        }
        Ok(inputs)
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
