//! `async`: tasks in the background of the run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rplay_connection::Pending;
use rplay_event::{Emitter, EventKind, Notice};
use rplay_protocol::Reply;
use rplay_value::{Map, Value};

use crate::action::{Action, ActionCx, Done};
use crate::plan::is_builtin;
use crate::trouble::Trouble;

/// A task that goes on while the play does.
enum Job {
    Running(tokio::task::JoinHandle<Result<Reply, rplay_connection::ConnectionError>>),
    Done(Map),
}

/// The background tasks of a run, by job id.
#[derive(Default)]
pub(crate) struct Jobs(Mutex<HashMap<String, Job>>);

impl Jobs {
    fn with<T>(&self, change: impl FnOnce(&mut HashMap<String, Job>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says what still runs when the run ends: it ends with it.
    pub(crate) fn end(&self, emitter: &Emitter) {
        let left: Vec<String> = self.with(|jobs| {
            jobs.drain()
                .filter_map(|(id, job)| match job {
                    Job::Running(task) if !task.is_finished() => {
                        task.abort();
                        Some(id)
                    }
                    _ => None,
                })
                .collect()
        });
        for id in left {
            emitter.emit(EventKind::Warned(Notice::new(format!(
                "the background task {id} was still running and was ended with the run"
            ))));
        }
    }

    /// The state of a job, as `async_status` returns it.
    pub(crate) async fn status(&self, id: &str) -> Option<Map> {
        let job = self.with(|jobs| jobs.remove(id))?;
        let (job, mut result) = match job {
            Job::Running(task) if task.is_finished() => {
                let result = match task.await {
                    Ok(Ok(reply)) => reply.into_result(),
                    Ok(Err(error)) => {
                        Map::from_iter([("failed", Value::Bool(true)), ("msg", Value::from(error.to_string()))])
                    }
                    Err(_) => Map::from_iter([
                        ("failed", Value::Bool(true)),
                        ("msg", Value::from("the background task was ended")),
                    ]),
                };
                (Job::Done(result.clone()), finished(result))
            }
            Job::Done(result) => (Job::Done(result.clone()), finished(result)),
            running @ Job::Running(_) => {
                (running, Map::from_iter([("started", Value::Int(1)), ("finished", Value::Int(0))]))
            }
        };
        self.with(|jobs| jobs.insert(id.to_owned(), job));
        result.insert("ansible_job_id", id);
        Some(result)
    }

    /// Forgets a job (`async_status: mode=cleanup`).
    pub(crate) fn forget(&self, id: &str) -> bool {
        self.with(|jobs| jobs.remove(id)).is_some()
    }
}

fn finished(mut result: Map) -> Map {
    result.insert("started", 1);
    result.insert("finished", 1);
    result
}

/// Runs an action in the background: waits with looks at it every `poll` seconds, or not at all with `poll: 0`.
pub(crate) async fn run(action: &dyn Action, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
    let seconds = cx.settings.async_seconds as u64;
    let traits = action.traits();
    if traits.name != "normal" && !is_builtin(traits.name, "command") {
        return Err(Trouble::message(format!("async is not supported for the action {}", traits.name))
            .help("remove `async`, or use it with a module that runs on the target, such as command"));
    }
    let args = cx.args.clone();
    let mut call = cx.call(&cx.name.clone(), args);
    call.timeout = Some(seconds);
    let pending: Pending = cx.link().await?.start(call);
    let id = format!("j{:012}.{}", uuid::Uuid::new_v4().as_u128() % 1_000_000_000_000, std::process::id());
    let task = tokio::spawn(async move {
        tokio::time::timeout(Duration::from_secs(seconds), pending).await.unwrap_or_else(|_| {
            Ok(Reply::failure(format!("async task did not complete within the requested time - {seconds}s")))
        })
    });
    let jobs = &cx.run().jobs;
    jobs.with(|jobs| jobs.insert(id.clone(), Job::Running(task)));
    let started = Done::changed(true)
        .with("ansible_job_id", id.as_str())
        .with("started", 1)
        .with("finished", 0)
        .with("results_file", format!("{}/.ansible_async/{id}", std::env::var("HOME").unwrap_or_default()));
    if cx.settings.poll <= 0 {
        return Ok(started);
    }
    loop {
        tokio::time::sleep(Duration::from_secs(cx.settings.poll as u64).min(Duration::from_secs(seconds))).await;
        let Some(status) = jobs.status(&id).await else { return Ok(started) };
        let over = status.get("finished") == Some(&Value::Int(1));
        let (task, host, job) = (cx.task.id, Arc::clone(&cx.task.host), id.clone());
        if over {
            let failed = status.get("failed").is_some_and(Value::is_true);
            cx.run().emit(EventKind::AsyncFinished { task, host, job, failed });
            return Ok(Done { of_module: true, ..Done::new(status) });
        }
        cx.run().emit(EventKind::AsyncPolled { task, host, job, started: true, finished: false });
    }
}
