//! Stages: what is done with the nodes, and in which order.

use std::path::PathBuf;
use std::time::Duration;

use indexmap::{IndexMap, IndexSet};
use rplay_diag::{Diagnostic, Span, nearest, quoted_list};
use rplay_value::{Map, Value};

use crate::read::{Fields, Spot};

/// The steps that `rplay scenario test` can have, in their usual order.
pub const SEQUENCE: &[&str] = &["destroy", "create", "converge", "idempotence", "side-effect", "verify", "cleanup"];

/// What a stage does.
#[derive(Clone, Debug)]
pub enum Work {
    /// Runs playbooks.
    Playbook(Vec<PathBuf>),
    /// Runs a command of this machine through the shell.
    Shell(String),
    /// Runs a program of this machine.
    Program(Vec<String>),
    /// Stands for other stages.
    Group(Vec<Spot>),
}

/// Where an output's value comes from.
#[derive(Clone, Debug)]
pub enum Given {
    /// A file; its path is the value.
    File(PathBuf),
    /// A fact of a host, or what `set_stats` gave.
    Fact {
        /// Its name.
        name: String,
        /// Whose; by default the stage's first host's.
        from: Option<Spot>,
    },
    /// A constant.
    Value(Value),
}

/// What an input is read from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The stage.
    pub stage: Spot,
    /// Its output.
    pub output: String,
    /// It is used once it is there, and the stage runs again when it comes later.
    pub late: bool,
}

/// A stage.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// Where it was written.
    pub span: Span,
    /// What it does, in words.
    pub description: Option<String>,
    /// What it does.
    pub work: Work,
    /// Stages that come before it.
    pub needs: Vec<Spot>,
    /// Only these hosts.
    pub on: Option<String>,
    /// Only these tags.
    pub tags: Vec<String>,
    /// Not these tags.
    pub skip_tags: Vec<String>,
    /// Extra variables.
    pub vars: Map,
    /// Environment of a command.
    pub env: IndexMap<String, String>,
    /// Variables from other stages' outputs.
    pub inputs: IndexMap<String, Source>,
    /// What it gives.
    pub outputs: IndexMap<String, Given>,
    /// How long it may take.
    pub deadline: Option<Duration>,
    /// How often it is tried again.
    pub retries: u32,
    /// It runs when no stage is named.
    pub default: bool,
    /// It must change nothing when it runs again.
    pub idempotent: bool,
}

impl Stage {
    pub(crate) fn read(name: &Spot, fields: Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<Self> {
        let command = fields.get("command");
        let work = if fields.has("playbook") {
            Work::Playbook(fields.paths("playbook"))
        } else if fields.has("stages") {
            Work::Group(fields.spots("stages"))
        } else if command?.as_sequence().is_some() {
            Work::Program(fields.texts("command"))
        } else {
            Work::Shell(fields.text("command")?)
        };
        let mut inputs = IndexMap::new();
        for (variable, value) in fields.named("inputs") {
            let text = value.node.raw().unwrap_or_default();
            let (text, late) = text.strip_suffix('?').map_or((text, false), |text| (text, true));
            match text.split_once('.') {
                Some((stage, output)) if !stage.is_empty() && !output.is_empty() => {
                    let stage = Spot { text: stage.to_owned(), span: value.node.span() };
                    inputs.insert(variable.text, Source { stage, output: output.to_owned(), late });
                }
                _ => found.push(
                    Diagnostic::error(format!("`{text}` is no output of a stage"))
                        .at(value.node.span(), "needs STAGE.OUTPUT"),
                ),
            }
        }
        let mut outputs = IndexMap::new();
        for (output, value) in fields.named("outputs") {
            let given = if let Some(file) = value.text("file") {
                Given::File(PathBuf::from(file))
            } else if let Some(name) = value.text("fact") {
                Given::Fact { name, from: value.spot("from") }
            } else {
                Given::Value(value.get("value")?.to_value())
            };
            outputs.insert(output.text, given);
        }
        let idempotent = fields.flag("idempotent").unwrap_or(matches!(work, Work::Playbook(_)));
        Some(Self {
            name: name.text.clone(),
            span: name.span,
            description: fields.text("description"),
            work,
            needs: fields.spots("needs"),
            on: fields.text("hosts"),
            tags: fields.texts("tags"),
            skip_tags: fields.texts("skip_tags"),
            vars: fields.vars("vars"),
            env: fields.pairs("env"),
            inputs,
            outputs,
            deadline: fields.time("deadline"),
            retries: fields.int("retries").unwrap_or(0),
            default: fields.flag("default").unwrap_or(true),
            idempotent,
        })
    }

    /// Stages that come before it: those it names and those it has inputs from, unless these may come late.
    pub fn before(&self) -> impl Iterator<Item = &Spot> {
        self.needs.iter().chain(self.inputs.values().filter(|source| !source.late).map(|source| &source.stage))
    }

    /// Stages whose outputs it uses once they are there.
    pub fn late(&self) -> impl Iterator<Item = &Spot> {
        self.inputs.values().filter(|source| source.late).map(|source| &source.stage)
    }
}

/// Stages by name, with their order.
#[derive(Clone, Debug, Default)]
pub struct Stages(IndexMap<String, Stage>);

/// Why stages cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StageError {
    /// There is none of that name.
    #[error("there is no stage `{name}`")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The nearest that is there.
        near: Option<String>,
        /// All that are there.
        known: Vec<String>,
    },
}

impl rplay_diag::Diagnose for StageError {
    fn diagnostic(&self) -> Diagnostic {
        let Self::Unknown { near, known, .. } = self;
        let diagnostic = Diagnostic::error(self.to_string());
        match near {
            Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
            None if known.is_empty() => diagnostic.hint("the scenario has no stages"),
            None => diagnostic.hint(format!("the stages are {}", quoted_list(known.iter().map(String::as_str)))),
        }
    }
}

impl Stages {
    /// Stages, with every mistake in what they say of one another.
    pub(crate) fn new(stages: IndexMap<String, Stage>, found: &mut Vec<Diagnostic>) -> Self {
        let stages = Self(stages);
        for stage in stages.0.values() {
            let members: &[Spot] = if let Work::Group(members) = &stage.work { members } else { &[] };
            for name in stage.before().chain(stage.late()).chain(members) {
                if !stages.0.contains_key(&name.text) {
                    let diagnostic = Diagnostic::error(format!("there is no stage `{}`", name.text));
                    let near = nearest(&name.text, stages.0.keys().map(String::as_str));
                    found.push(match near {
                        Some(near) => diagnostic.at(name.span, "").hint(format!("did you mean `{near}`?")),
                        None => diagnostic.at(name.span, "unknown"),
                    });
                }
            }
            for (variable, source) in &stage.inputs {
                let Some(giver) = stages.0.get(&source.stage.text) else { continue };
                if !giver.outputs.contains_key(&source.output) {
                    let message = format!("stage `{}` gives no `{}` for `{variable}`", giver.name, source.output);
                    let diagnostic =
                        Diagnostic::error(message).at(source.stage.span, "").context(Some(giver.span), "this stage");
                    let near = nearest(&source.output, giver.outputs.keys().map(String::as_str));
                    found.push(match near {
                        Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
                        None => diagnostic.hint("its `outputs` say what it gives"),
                    });
                }
            }
        }
        if found.is_empty() {
            stages.cycles(found);
        }
        stages
    }

    /// All stages, as written.
    pub fn iter(&self) -> impl Iterator<Item = &Stage> {
        self.0.values()
    }

    /// The stage of this name.
    pub fn get(&self, name: &str) -> Option<&Stage> {
        self.0.get(name)
    }

    /// What must be over before a stage begins, with groups taken apart.
    pub fn needs(&self, stage: &Stage) -> IndexSet<&str> {
        let mut needs = IndexSet::new();
        for name in stage.before() {
            self.expand(&name.text, &mut needs);
        }
        needs
    }

    /// The stages that a name stands for: itself, or a group's members.
    fn expand<'a>(&'a self, name: &str, into: &mut IndexSet<&'a str>) {
        let Some(stage) = self.0.get(name) else { return };
        match &stage.work {
            Work::Group(members) => members.iter().for_each(|member| self.expand(&member.text, into)),
            _ => {
                into.insert(&stage.name);
            }
        }
    }

    fn cycles(&self, found: &mut Vec<Diagnostic>) {
        let mut done = IndexSet::new();
        for stage in self.0.values() {
            let mut path = Vec::new();
            if let Some(cycle) = self.visit(&stage.name, &mut path, &mut done) {
                let mut diagnostic = Diagnostic::error(format!("stages wait for one another: {}", cycle.join(" -> ")));
                for name in &cycle[1..] {
                    diagnostic = diagnostic.at_maybe(self.0.get(*name).map(|stage| stage.span), "");
                }
                found.push(diagnostic);
                return;
            }
        }
    }

    /// The names from a stage back to itself, if what it waits for leads there.
    fn visit<'a>(
        &'a self,
        name: &'a str,
        path: &mut Vec<&'a str>,
        done: &mut IndexSet<&'a str>,
    ) -> Option<Vec<&'a str>> {
        if done.contains(name) {
            return None;
        }
        if let Some(start) = path.iter().position(|known| *known == name) {
            return Some(path[start..].iter().copied().chain([name]).collect());
        }
        let stage = self.0.get(name)?;
        path.push(&stage.name);
        let members: &[Spot] = if let Work::Group(members) = &stage.work { members } else { &[] };
        for next in stage.before().chain(members) {
            if let Some((key, _)) = self.0.get_key_value(&next.text)
                && let Some(cycle) = self.visit(key, path, done)
            {
                return Some(cycle);
            }
        }
        path.pop();
        done.insert(&stage.name);
        None
    }

    /// Stages to run for these names, whatever their order: with what they need unless `only`, each after what it needs,
    /// and otherwise as written. No names are all stages that run by default.
    pub fn select(&self, names: &[String], only: bool) -> Result<Vec<&Stage>, StageError> {
        let mut wanted = IndexSet::new();
        for name in names {
            if !self.0.contains_key(name) {
                let near = nearest(name, self.0.keys().map(String::as_str)).map(str::to_owned);
                return Err(StageError::Unknown { name: name.clone(), near, known: self.0.keys().cloned().collect() });
            }
            self.expand(name, &mut wanted);
        }
        if names.is_empty() {
            let default = self.0.values().filter(|stage| stage.default && !matches!(stage.work, Work::Group(_)));
            wanted.extend(default.map(|stage| stage.name.as_str()));
        }
        if !only {
            // Grows while it is walked: needs of needs are needed too.
            let mut at = 0;
            while let Some(stage) = wanted.get_index(at).and_then(|name| self.0.get(*name)) {
                wanted.extend(self.needs(stage));
                at += 1;
            }
        }
        let mut order = Vec::new();
        let mut placed: IndexSet<&str> = IndexSet::new();
        while order.len() < wanted.len() {
            // The first as written whose needs are over; there is one, since there are no cycles. What it would rather have,
            // but can have later, comes before it where nothing is in the way.
            let over = |need: &str| placed.contains(need) || !wanted.contains(need);
            let ready = |stage: &&Stage| {
                let name = stage.name.as_str();
                wanted.contains(name) && !placed.contains(name) && self.needs(stage).iter().all(|need| over(need))
            };
            let mut all = self.0.values().filter(ready);
            let next = all.clone().find(|stage| stage.late().all(|late| over(&late.text))).or_else(|| all.next());
            let Some(stage) = next else { break };
            placed.insert(&stage.name);
            order.push(stage);
        }
        Ok(order)
    }
}
