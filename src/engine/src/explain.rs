//! Explaining a variable: the plays and tasks it is asked for, without running anything.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rplay_diag::{Span, nearest};
use rplay_playbook::{Loader, Play};
use rplay_template::Variables as _;
use rplay_value::Value;

use crate::error::EngineError;
use crate::plan::Step;
use crate::play::keyword_error;
use crate::run::Run;
use crate::strategy::PlayRun;
use crate::vars::why::{Answer, Asked, Later, Place, Why, grouped, may_set};
use crate::vars::{PlayScope, View};

/// A play with the steps that can be foreseen.
struct Foreseen {
    play: Arc<Play>,
    scope: Arc<PlayScope>,
    name: String,
    folder: PathBuf,
    hosts: Vec<Arc<str>>,
    steps: Vec<Arc<Step>>,
}

impl Run {
    /// Why a variable has its value on hosts, in the plays of playbooks or at one of their tasks. No host is connected to.
    pub fn why(&self, playbooks: &[PathBuf], asked: &Asked) -> Result<Why, EngineError> {
        let mut answers = Vec::new();
        let mut later: Vec<(Span, &'static str)> = Vec::new();
        let name = asked.variable.split('.').next().unwrap_or_default();
        if playbooks.is_empty() {
            let hosts = if asked.hosts.is_empty() { self.world().host_names() } else { asked.hosts.clone() };
            for host in &hosts {
                let view = self.view(Some(host), None, None).map_err(|trouble| keyword_error(trouble, None))?;
                answers.push(view.explain(self.engine(), asked));
            }
            return Ok(self.told(answers, &later, name));
        }
        let mut plays = Vec::new();
        for path in playbooks {
            self.foresee(path, asked, &mut plays)?;
        }
        let wanted = asked.task.as_ref().map(|(file, line)| self.task_at(&plays, file, *line)).transpose()?;
        for play in &plays {
            let steps: Vec<Option<&Arc<Step>>> = match wanted {
                Some(span) => play.steps.iter().filter(|step| step.span() == Some(span)).map(Some).collect(),
                None => vec![None],
            };
            self.world().set_playbook_dir(play.folder.clone());
            for step in steps {
                let place = Place {
                    play: play.name.clone(),
                    task: step.map(|step| title(step)),
                    span: step.map_or(play.play.span, |step| step.span()),
                };
                for host in &play.hosts {
                    let view = self.view(Some(host), Some(&play.scope), step);
                    let view: View = view.map_err(|trouble| keyword_error(trouble, place.span))?;
                    answers.push(Answer { place: Some(place.clone()), ..view.explain(self.engine(), asked) });
                }
            }
        }
        let hosts: HashSet<&Arc<str>> = answers.iter().flat_map(|answer| &answer.hosts).collect();
        for play in plays.iter().filter(|play| play.hosts.iter().any(|host| hosts.contains(host))) {
            for (how, span) in play.steps.iter().flat_map(|step| may_set(step, name)) {
                if let Some(span) = span.filter(|span| !later.contains(&(*span, how))) {
                    later.push((span, how));
                }
            }
        }
        Ok(self.told(answers, &later, name))
    }

    fn told(&self, answers: Vec<Answer>, later: &[(Span, &'static str)], name: &str) -> Why {
        let unknown = answers.iter().all(|answer| answer.settings.is_empty());
        let near = unknown.then(|| self.similar(&answers, name)).flatten();
        let strongest = || answers.iter().filter_map(|answer| answer.settings.first());
        let later = later
            .iter()
            .map(|(span, how)| Later {
                how,
                span: Some(*span),
                wins: match *how {
                    "include_vars" => strongest().all(crate::vars::why::Setting::below_included),
                    "add_host" => unknown,
                    _ => strongest().all(crate::vars::why::Setting::below_facts),
                },
            })
            .collect();
        Why { answers: grouped(answers), later, near }
    }

    fn similar(&self, answers: &[Answer], name: &str) -> Option<String> {
        let mut seen = HashSet::new();
        for host in answers.iter().flat_map(|answer| &answer.hosts).take(100) {
            if let Ok(view) = self.view(Some(host), None, None) {
                seen.extend(view.names().iter().map(ToString::to_string));
            }
        }
        nearest(name, seen.iter().map(String::as_str)).map(str::to_owned)
    }

    /// The plays of a playbook with every step that can be known before the run.
    fn foresee(&self, path: &Path, asked: &Asked, plays: &mut Vec<Foreseen>) -> Result<(), EngineError> {
        let resolver = self.resolver();
        let sources = self.options().sources.clone();
        let loader = Loader::new(resolver, &sources, self.loader_settings().clone());
        let playbook = loader.playbook(path)?;
        for play in &playbook.plays {
            let folder = play.path.parent().map(Path::to_owned).unwrap_or_default();
            let folder = std::path::absolute(&folder).unwrap_or(folder);
            self.world().set_playbook_dir(folder.clone());
            let prepared = crate::play::prepare(self, play)?;
            let all = self.play_hosts(play, &prepared)?;
            let hosts: Vec<Arc<str>> =
                all.iter().filter(|host| asked.hosts.is_empty() || asked.hosts.contains(host)).cloned().collect();
            if hosts.is_empty() {
                continue;
            }
            // Includes publish roles where they run; here nothing runs, so they have a play of their own.
            let scratch = prepared.share(play, &all, &all);
            let mut run = PlayRun::new(self, &loader, play, &scratch, self.next_play(), prepared.pace, &all)?;
            let steps = run.foresee(&hosts[..hosts.len().min(16)]);
            let scope = prepared.share(play, &all, &all);
            plays.push(Foreseen { play: Arc::clone(play), scope, name: prepared.name, folder, hosts, steps });
        }
        Ok(())
    }

    /// The task that was written at a line of a file.
    fn task_at(&self, plays: &[Foreseen], file: &Path, line: usize) -> Result<Span, EngineError> {
        let sources = &self.options().sources;
        let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let wanted = real(file);
        let mut here: Vec<(usize, usize, Span)> = Vec::new();
        for span in plays.iter().flat_map(|play| &play.steps).filter_map(|step| step.span()) {
            let Some(start) = sources.position(span) else { continue };
            if real(Path::new(&*start.name)) == wanted {
                let end = Span { start: span.end, ..span };
                let end = sources.position(end).map_or(start.line, |position| position.line);
                here.push((start.line, end, span));
            }
        }
        here.sort_by_key(|(start, ..)| *start);
        here.dedup_by_key(|(start, ..)| *start);
        let found = here.iter().rev().find(|(start, end, _)| *start <= line && line <= *end.max(start));
        if let Some((_, _, span)) = found {
            return Ok(*span);
        }
        let hint = if here.is_empty() {
            "no task of this file is in the plays of these hosts, or it is included in a way that only a run can tell"
                .to_owned()
        } else {
            let lines: Vec<String> = here.iter().map(|(start, ..)| start.to_string()).collect();
            format!("its tasks start at line {}", lines.join(", "))
        };
        Err(EngineError::Keyword {
            message: format!("there is no task at {}:{line}", file.display()),
            span: None,
            hint: Some(hint),
        })
    }
}

impl PlayRun<'_> {
    /// Every step of the play, with those that its dynamic includes bring on these hosts, as far as that is known.
    fn foresee(&mut self, hosts: &[Arc<str>]) -> Vec<Arc<Step>> {
        let mut out = Vec::new();
        let mut seen = HashSet::new();
        let mut todo: Vec<(Arc<Step>, usize)> = self.all_steps().into_iter().rev().map(|step| (step, 0)).collect();
        while let Some((step, depth)) = todo.pop() {
            if depth < 32 && step.task().is_some_and(|task| task.include.is_some()) {
                for host in hosts {
                    let brought = self.look_into(&step, host, &mut seen);
                    todo.extend(brought.into_iter().rev().map(|step| (step, depth + 1)));
                }
            }
            out.push(step);
        }
        out
    }
}

/// The task's name, with its role's.
fn title(step: &Step) -> String {
    let task = step.task().map(|task| match &task.name {
        Some(name) => name.to_string(),
        None => task.action.name.to_string(),
    });
    match (&step.role, task) {
        (Some(role), Some(task)) => format!("{} : {task}", role.name),
        (_, task) => task.unwrap_or_default(),
    }
}

/// Items of an include's loop that are looked into.
pub(crate) const ITEMS: usize = 64;

/// The variables of one item, as far as an include's name needs them.
pub(crate) fn item_of(step: &Step, item: &Value) -> rplay_value::Map {
    let control = step.task().and_then(|task| task.loop_control.as_deref());
    let name = control.and_then(|control| control.loop_var.as_ref()).and_then(|field| field.constant());
    let name = name.map_or("item", |name| name.as_str());
    rplay_value::Map::from_iter([(name, item.clone())])
}
