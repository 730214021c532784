//! The free strategies: hosts do not wait for one another.
//!
//! As ansible-core 2.19's `free` and `host_pinned`. A host that is free stands in a queue; the first in it gets the next
//! place among the `forks`. What an include brings is loaded once and shared by the hosts that come to it later, so
//! that a task of an included file is one task, whenever a host arrives at it.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rplay_event::{EventKind, Notice, TaskId};
use rplay_playbook::Task;

use crate::action::find_action;
use crate::error::EngineError;
use crate::journal::{Before, CaughtUp, Origin};
use crate::plan::{Step, StepId};
use crate::play::keyword_error;
use crate::ran::Ran;
use crate::run::Run;
use crate::strategy::linear::HostRan;
use crate::strategy::{BatchEnd, PlayRun, Strategy};
use crate::task::TaskCx;
use crate::vars::PlayScope;

/// Hosts that wait for something.
#[derive(Default)]
struct Queues {
    /// Under way and free to do their next task; `host_pinned` puts hosts back in front.
    ready: VecDeque<Arc<str>>,
    /// Not begun yet (`host_pinned`).
    waiting: VecDeque<Arc<str>>,
    /// Held back by the `throttle` of the step they are at.
    throttled: HashMap<StepId, VecDeque<Arc<str>>>,
    /// How many hosts are at a step now.
    at: HashMap<StepId, usize>,
    /// Hosts that have begun and are not through.
    begun: usize,
}

/// What became of the question for a host's next task.
enum Next {
    Start(Arc<Step>, Arc<Task>, TaskId, Option<Arc<Before>>),
    /// The journal has its result, at this place among all results.
    Has(u32, Arc<Step>, TaskId, Box<Ran>),
    /// Its step has enough hosts.
    Throttled(StepId),
    Through,
}

/// One task on one host, with all it needs.
async fn work(
    run: &Run,
    play: &Arc<PlayScope>,
    step: Arc<Step>,
    task: Arc<Task>,
    host: Arc<str>,
    id: TaskId,
    before: Option<Arc<Before>>,
) -> (Arc<Step>, TaskId, HostRan) {
    run.emit(EventKind::HostStarted { task: id, host: Arc::clone(&host) });
    let cx = TaskCx { run, play, step: &step, task: &task, host: Arc::clone(&host), id, overrides: None, before };
    let ran = cx.execute().await;
    let from = cx.from();
    (step, id, HostRan { host, ran, from })
}

impl PlayRun<'_> {
    /// Runs the batch to its end, every host at its own pace.
    pub(super) async fn run_free(mut self) -> Result<BatchEnd, EngineError> {
        let pinned = self.strategy == Strategy::HostPinned;
        if self.max_fail.is_some() {
            self.warn_free("max_fail_percentage", "is not supported, as tasks are executed independently on each host");
        }
        let (run, play) = (self.run, self.scope);
        let forks = run.options().forks.max(1);
        let hosts: VecDeque<Arc<str>> =
            self.hosts.iter().filter(|host| !self.unreachable.contains(*host)).cloned().collect();
        let mut queues = Queues::default();
        if pinned {
            queues.waiting = hosts;
        } else {
            queues.begun = hosts.len();
            queues.ready = hosts;
        }
        let mut announced = HashMap::new();
        let mut running = FuturesUnordered::new();
        // Results of before the run was interrupted come in the order in which they came then.
        let mut known = BTreeMap::new();
        loop {
            while running.len() + known.len() < forks {
                if pinned
                    && queues.begun < forks
                    && let Some(host) = queues.waiting.pop_front()
                {
                    queues.begun += 1;
                    queues.ready.push_back(host);
                }
                let Some(host) = queues.ready.pop_front() else { break };
                match self.next_free(&host, &mut queues, &mut announced).await? {
                    Next::Start(step, task, id, before) => {
                        *queues.at.entry(step.id).or_default() += 1;
                        running.push(work(run, play, step, task, host, id, before));
                    }
                    Next::Has(order, step, id, ran) => {
                        *queues.at.entry(step.id).or_default() += 1;
                        known.insert(order, (step, id, HostRan { host, ran: *ran, from: Origin::Journal }));
                    }
                    Next::Throttled(step) => queues.throttled.entry(step).or_default().push_back(host),
                    Next::Through => queues.begun -= 1,
                }
            }
            let next = match known.pop_first() {
                Some((_, next)) => Some(next),
                None => running.next().await,
            };
            let Some((step, id, mut done)) = next else { break };
            if let Some(at) = queues.at.get_mut(&step.id) {
                *at -= 1;
            }
            if let Some(held) = queues.throttled.get_mut(&step.id).and_then(VecDeque::pop_front) {
                queues.ready.push_front(held);
            }
            let debugger = self
                .debugger(&step, || Ok(self.run.view(Some(&done.host), Some(self.scope), Some(&step))?.into_scope()));
            let debugger = debugger.map_err(|trouble| keyword_error(trouble, step.span()))?;
            if done.from != Origin::Journal && debugger.applies(&done.ran) {
                Box::pin(self.finish_debugged(&debugger, &step, id, false, &mut done)).await?;
            } else {
                self.finish(&step, id, false, &mut done)?;
            }
            let results = self.expand_includes(&step, id, vec![done])?;
            for HostRan { host, ran, .. } in results {
                if self.strategy.is_tripleo() && ran.failed() && self.any_errors_fatal && self.tripleo_lost(&host) {
                    self.break_play = true;
                }
                if self.unreachable.contains(&host) {
                    queues.begun -= 1;
                } else if pinned {
                    queues.ready.push_front(host);
                } else {
                    queues.ready.push_back(host);
                }
            }
        }
        if self.hosts.iter().all(|host| self.unreachable.contains(host)) {
            run.emit(EventKind::NoHostsRemaining);
        }
        Ok(self.end())
    }

    /// Moves a host to its next task; what is not a task is done on the way.
    async fn next_free(
        &mut self,
        host: &Arc<str>,
        queues: &mut Queues,
        announced: &mut HashMap<StepId, TaskId>,
    ) -> Result<Next, EngineError> {
        loop {
            let Some(mut cursor) = self.states.get(host).map(|state| state.cursor.clone()) else {
                return Ok(Next::Through);
            };
            let Some(step) = self.advance(host, &mut cursor) else { return Ok(Next::Through) };
            let Some(task) = step.task().filter(|_| step.meta().is_none()).cloned() else {
                self.set_cursor(host, cursor);
                // Only one kind brings hosts back: no other has to know who was lost.
                let clears = step.meta() == Some("clear_host_errors");
                let lost = if clears { self.unreachable.clone() } else { HashSet::new() };
                self.meta_step(&step, std::slice::from_ref(host))?;
                self.reset_connections().await?;
                for back in lost.into_iter().filter(|host| !self.unreachable.contains(host)) {
                    queues.begun += 1;
                    queues.ready.push_back(back);
                }
                continue;
            };
            let keyword = |trouble| keyword_error(trouble, task.span);
            let run = self.run;
            let scope = run.view(Some(host), Some(self.scope), Some(&step)).map_err(keyword)?.into_scope();
            let throttle = self.throttle(&step, &scope)?;
            if throttle > 0 && queues.at.get(&step.id).is_some_and(|at| *at >= throttle) {
                return Ok(Next::Throttled(step.id));
            }
            self.set_cursor(host, cursor);
            if step.handler {
                self.handlers.started(step.id, host);
            }
            if self.is_once(&step, &task, &scope).map_err(keyword)? && !self.take_once(&step, &task)? {
                continue;
            }
            let fatal = run
                .maybe::<bool>("any_errors_fatal", step.keywords(|c| c.any_errors_fatal.as_ref()), &scope)
                .map_err(keyword)?
                .unwrap_or(run.options().any_errors_fatal);
            if fatal && !self.strategy.is_tripleo() {
                self.warn_free(
                    "any_errors_fatal",
                    "is not supported, as tasks are executed independently on each host",
                );
            }
            self.any_errors_fatal |= fatal;
            let asks = self.step_mode && self.ran_once(&step, std::slice::from_ref(host)).is_none();
            if asks && !self.take_step(&step, &scope, Some(host))? {
                self.leave_out(&step, std::slice::from_ref(host));
                continue;
            }
            let id = if let Some(id) = announced.get(&step.id) {
                *id
            } else {
                let id = self.announce(&step, &scope)?;
                announced.insert(step.id, id);
                id
            };
            return Ok(match self.catch_up(&step, &task, id, host) {
                CaughtUp::Runs(before) => Next::Start(step, task, id, before),
                CaughtUp::Has(order, ran) => Next::Has(order, step, id, ran),
                CaughtUp::Passes => continue,
            });
        }
    }

    /// What becomes of a task that is to run once: hosts that are not in step cannot share it. Whether this host runs it.
    fn take_once(&mut self, step: &Arc<Step>, task: &Task) -> Result<bool, EngineError> {
        let resolved = &task.action.resolved;
        if find_action(resolved).is_some_and(|action| action.traits().once)
            || self.run.resolver().python_action(resolved).is_some_and(|plugin| plugin.once)
        {
            return Err(EngineError::Keyword {
                message: format!(
                    "The '{}' module bypasses the host loop, which is currently not supported in the free strategy and \
                     would instead execute for every host in the inventory list.",
                    task.action.name
                ),
                span: task.action.span.or(task.span),
                hint: Some("run it in a play of its own with the strategy `linear`".to_owned()),
            });
        }
        if self.strategy == Strategy::TripleoFree {
            return Ok(self.once.insert(step.id));
        }
        self.warn_free(
            "run_once",
            "is not currently supported. This task will still be executed for every host in the inventory list.",
        );
        Ok(true)
    }

    fn warn_free(&self, keyword: &str, what: &str) {
        self.run.warn(Notice::new(format!("Using {keyword} with the free strategy {what}")));
    }
}
