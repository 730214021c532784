//! `async`: tasks in the background of their host.
//!
//! The job is a process of its own on the target; it goes on when the connection, or this program, is gone. What is
//! known of it is in its status file there, in ansible-core's form, so that `async_status` of any run can tell.

use std::sync::Arc;
use std::time::Duration;

use rplay_event::EventKind;
use rplay_protocol::Job;
use rplay_value::{List, Map, Value};

use crate::action::{Action, ActionCx, Done};
use crate::actions::normal;
use crate::journal::digest_of_call;
use crate::python_files::PythonPlugin;
use crate::trouble::Trouble;

/// Where status files are when nobody says.
const FOLDER: &str = "~/.ansible_async";

/// The folder of status files on the target: `ANSIBLE_ASYNC_DIR` of the task's environment, `ansible_async_dir`, the
/// setting.
pub(crate) fn folder(cx: &ActionCx<'_>) -> Result<String, Trouble> {
    if let Some(folder) = cx.settings.environment.get("ANSIBLE_ASYNC_DIR") {
        return Ok(folder.clone());
    }
    let variable = cx.run().text_variable("ansible_async_dir", cx.connection_scope)?;
    Ok(variable.or_else(|| cx.run().options().async_dir.clone()).unwrap_or_else(|| FOLDER.to_owned()))
}

/// What the result of a look at a job holds before the job has anything to say.
pub(crate) fn quiet() -> Map {
    Map::from_iter([
        ("started", Value::Bool(false)),
        ("finished", Value::Bool(false)),
        ("stdout", Value::from("")),
        ("stderr", Value::from("")),
        ("stdout_lines", Value::List(List::new())),
        ("stderr_lines", Value::List(List::new())),
    ])
}

/// Where in their output the jobs are that this run has followed, by host and id.
pub(crate) type Followed = std::sync::Mutex<std::collections::HashMap<(Arc<str>, String), i64>>;

/// Asks the target about a job, or to forget it. What the job's programs have written since the last look is shown;
/// with `follow`, what they write in so many seconds, unless the job ends before.
pub(crate) async fn ask(cx: &mut ActionCx<'_>, jid: &str, mode: &str, follow: i64) -> Result<Done, Trouble> {
    let key = (Arc::clone(&cx.task.host), jid.to_owned());
    let mut args = Map::from_iter([
        ("jid", Value::from(jid)),
        ("mode", Value::from(mode)),
        ("_async_dir", Value::from(folder(cx)?)),
        ("_follow", Value::from(follow)),
    ]);
    if !cx.settings.no_log {
        args.insert("_output_from", cx.run().followed(|jobs| jobs.get(&key).copied()).unwrap_or(0));
    }
    let reply = cx.module("ansible.builtin.async_status", args).await?;
    let mut done = cx.reply(reply);
    if let Some(Value::Int(end)) = done.result.remove("_output_end") {
        cx.run().followed(|jobs| jobs.insert(key, end));
    }
    let mut result = quiet();
    result.extend(std::mem::take(&mut done.result));
    done.result = result;
    Ok(done)
}

/// A job that was started before the run was killed, unless its target knows nothing of it.
async fn found(cx: &mut ActionCx<'_>, job: String) -> Option<(String, Done)> {
    let asked = ask(cx, &job, "status", 0).await.ok()?;
    let there = asked.result.get("msg").is_none_or(|msg| !msg.to_str().contains("could not find job"));
    there.then(|| (job, Done { result: asked.result, ..Done::changed(true) }))
}

/// Runs an action in the background: waits for it with a look at least every `poll` seconds, or not at all with
/// `poll: 0`. A job that ends between two looks is seen at once.
pub(crate) async fn run(
    action: &dyn Action,
    python: Option<&PythonPlugin>,
    cx: &mut ActionCx<'_>,
) -> Result<Done, Trouble> {
    if let Some(plugin) = python {
        cx.apart = true;
        // It starts the job itself, if it can.
        let started = crate::python_action::run(plugin, cx).await?;
        let jid = started.result.get("ansible_job_id").map(|id| id.to_str().into_owned());
        return match jid.filter(|_| cx.settings.poll > 0) {
            Some(jid) => follow(cx, jid, started).await,
            None => Ok(started),
        };
    }
    let traits = action.traits();
    if traits.name != "normal" {
        let trouble = Trouble::action(format!("This action ({}) does not support async.", traits.name));
        return Err(trouble.help("remove `async`, or use it with a module that runs on the target, such as command"));
    }
    let seconds = cx.settings.async_seconds;
    let poll = cx.settings.poll;
    let digest = digest_of_call(&cx.name, &cx.args);
    // On this machine too, a job needs a process that does not end with the run.
    cx.apart = true;
    let under_way = match cx.task.kept_job(&digest).filter(|_| poll > 0) {
        Some(job) => found(cx, job).await,
        None => None,
    };
    let (jid, started) = if let Some(under_way) = under_way {
        under_way
    } else {
        let name = format!("j{:012}", uuid::Uuid::new_v4().as_u128() % 1_000_000_000_000);
        let mut call = normal::prepare(cx)?;
        call.job = Some(Job { name, seconds: seconds.unsigned_abs(), folder: folder(cx)? });
        let reply = cx.send(call).await?;
        let mut started = cx.reply(reply);
        started.result.insert("changed", true);
        let jid = started.result.get("ansible_job_id").map(|id| id.to_str().into_owned());
        let Some(jid) = jid.filter(|_| poll > 0) else { return Ok(started) };
        cx.task.keep_job(&digest, &jid, cx.settings.no_log);
        (jid, started)
    };

    follow(cx, jid, started).await
}

/// Looks at a job until it is over.
async fn follow(cx: &mut ActionCx<'_>, jid: String, started: Done) -> Result<Done, Trouble> {
    let (seconds, poll) = (cx.settings.async_seconds, cx.settings.poll);
    let (task, host) = (cx.task.id, Arc::clone(&cx.task.host));
    let mut left = seconds;
    let mut last = started;
    while left > 0 {
        let end = tokio::time::Instant::now() + Duration::from_secs(poll.unsigned_abs());
        left -= poll;
        match ask(cx, &jid, "status", poll).await {
            Ok(done) => {
                let over = done.result.get("finished").is_some_and(Value::is_true);
                last = done;
                if over {
                    let failed = last.result.get("failed").is_some_and(Value::is_true);
                    cx.run().emit(EventKind::AsyncFinished { task, host, job: jid.clone(), failed });
                    // A file that stays behind harms nobody.
                    let _ = ask(cx, &jid, "cleanup", 0).await;
                    return Ok(last);
                }
                let host = Arc::clone(&host);
                cx.run().emit(EventKind::AsyncPolled { task, host, job: jid.clone(), started: true, finished: false });
            }
            // The job does not need the connection: a host that reboots or is cut off for a while is asked again.
            Err(trouble) if trouble.unreachable && left > 0 => {
                cx.forget_link();
                tokio::time::sleep_until(end).await;
            }
            Err(trouble) => return Err(trouble),
        }
    }
    let message = format!("async task did not complete within the requested time - {seconds}s");
    Ok(Done::failed(message).with("async_result", last.result))
}
