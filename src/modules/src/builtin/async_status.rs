//! Tells how a task in the background is, or forgets it.
//!
//! Options:
//! - `jid` (text, required): the job, `ansible_job_id` of the task that started it.
//! - `mode` (`status` or `cleanup`, default `status`): `cleanup` removes the job's status file.
//! - `_async_dir` (path, required): the folder of status files; the action fills it in from `ansible_async_dir`.
//! - `_follow` (int, default 0): wait so many seconds for the job's end; the action uses it for `poll`.
//! - `_output_from` (int): show the lines that the job's programs have written after this place; `_output_end` tells the
//!   next place.
//!
//! Returns: `ansible_job_id`, `started`, `finished`, `results_file`, and what the module returned once it has; `erased`
//! after `cleanup`. Jobs of ansible-core are understood too.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.async_status:
//!     jid: "{{ update.ansible_job_id }}"
//!   register: state
//!   until: state is finished
//!   retries: 60
//! ```

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rplay_protocol::Reply;
use rplay_value::{Map, Value};

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support, job_output};

/// `ansible.builtin.async_status`
pub static MODULE: Module = Module {
    name: "async_status",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("jid").required(),
            Arg::text("mode").default("status").choices(&["cleanup", "status"]),
            Arg::path("_async_dir").required(),
            Arg::int("_follow").default("0"),
            Arg::int("_output_from"),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let jid = args.need("jid");
    if jid.contains('/') {
        return Err(ModuleError::msg(format!("a job id has no slash: {jid}")));
    }
    let shown = format!("{}/{jid}", args.need("_async_dir").trim_end_matches('/'));
    let file = cx.path(&shown);
    let job = |reply: Reply| reply.with("ansible_job_id", jid);
    let end = args.int("_output_from").map(|from| follow(cx, args, &file, from)).transpose()?;
    if end.is_none() {
        wait(cx, args, &file, || Ok(()))?;
    }
    let cleanup = args.need("mode") == "cleanup";
    if !file.exists() {
        let reply = job(Reply::failure("could not find job")).with("started", true).with("finished", true);
        return Ok(reply.with(if cleanup { "erased" } else { "results_file" }, shown));
    }
    if cleanup {
        job_output::remove(&file);
        fs_err::remove_file(&file)?;
        return Ok(job(Reply::ok()).with("erased", shown));
    }
    // A folder, the job of no name, is one that has not told anything.
    let text = if file.is_dir() { String::new() } else { fs_err::read_to_string(&file)? };
    let reply = match serde_json::from_str::<Value>(&text) {
        Ok(Value::Map(state)) => state_of(state, jid),
        // Nothing is there yet: it has only just begun.
        _ if text.is_empty() => job(Reply::ok()).with("started", true).with("finished", false),
        _ => {
            let reply = job(Reply::failure(format!("Could not parse job output: {text}")));
            reply.with("started", true).with("finished", true)
        }
    };
    let reply = match end {
        Some(end) => reply.with("_output_end", end),
        None => reply,
    };
    Ok(reply.with("results_file", shown))
}

/// Waits for the end of the job, as long as it may, and looks at `each` turn.
fn wait(
    cx: &Context<'_>,
    args: &Args,
    file: &Path,
    mut each: impl FnMut() -> Result<(), ModuleError>,
) -> Result<(), ModuleError> {
    const TURN: Duration = Duration::from_millis(100);
    let end = Instant::now() + Duration::from_secs(args.int("_follow").unwrap_or(0).max(0).unsigned_abs());
    let mut seen = None;
    loop {
        each()?;
        // The file is replaced when there is news, so most turns need not read it.
        let now = fs_err::metadata(file).ok().map(|metadata| (metadata.ino(), metadata.mtime(), metadata.mtime_nsec()));
        let over = now.is_none() || now != seen && is_over(file);
        seen = now;
        if over || Instant::now() >= end || cx.sys().is_cancelled() {
            // What was written before the end was told.
            return each();
        }
        std::thread::sleep(TURN.min(end.saturating_duration_since(Instant::now())));
    }
}

fn is_over(file: &Path) -> bool {
    let state = fs_err::read(file).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    let Some(Value::Map(state)) = state else { return false };
    !state.contains("started") || state.get("finished").is_some_and(Value::is_true)
}

/// Shows the job's output from a place on, while it comes; returns the place after it.
fn follow(cx: &Context<'_>, args: &Args, file: &Path, mut from: i64) -> Result<i64, ModuleError> {
    wait(cx, args, file, || {
        let (lines, next) = job_output::read(file, from.unsigned_abs())?;
        from = next as i64;
        cx.sys().show(lines);
        Ok(())
    })?;
    Ok(from)
}

/// The module's result is there once the file no longer says that it has been started.
fn state_of(mut state: Map, jid: &str) -> Reply {
    if !state.contains("started") {
        state.insert("started", true);
        state.insert("finished", true);
        state.insert("ansible_job_id", jid);
    } else if !state.contains("finished") {
        state.insert("finished", false);
    }
    let mut flag = |name: &str| state.remove(name).is_some_and(|value| value.is_true());
    let (changed, failed) = (flag("changed"), flag("failed"));
    let mut reply = Reply { changed, failed, ..Reply::default() };
    if let Some(Value::List(warnings)) = state.remove("warnings") {
        reply.warnings = warnings.iter().map(|warning| warning.to_str().into_owned()).collect();
    }
    reply.data = state;
    reply
}

#[cfg(test)]
mod tests {
    use rplay_protocol::Reply;

    use crate::testing::{Fake, args};

    fn status(fake: &Fake, mode: &'static str) -> Reply {
        fake.call("async_status", args([("jid", "j1.2"), ("mode", mode), ("_async_dir", "/jobs")]))
    }

    #[test]
    fn a_job_is_running_then_done_then_forgotten() {
        let fake = Fake::new().unwrap();
        fake.write("/jobs/j1.2", r#"{"started": true, "finished": false, "ansible_job_id": "j1.2"}"#).unwrap();
        let reply = status(&fake, "status");
        assert_eq!(reply.data.get("finished"), Some(&false.into()));
        fake.write("/jobs/j1.2", r#"{"changed": true, "rc": 3, "failed": true, "warnings": ["w"]}"#).unwrap();
        let reply = status(&fake, "status");
        assert!(reply.changed && reply.failed);
        assert_eq!(reply.data.get("finished"), Some(&true.into()));
        assert_eq!(reply.data.get("rc"), Some(&3.into()));
        assert_eq!(reply.data.get("results_file"), Some(&"/jobs/j1.2".into()));
        assert_eq!(reply.warnings, ["w"]);
        assert_eq!(status(&fake, "cleanup").data.get("erased"), Some(&"/jobs/j1.2".into()));
        let reply = status(&fake, "status");
        assert_eq!(reply.data.get("msg"), Some(&"could not find job".into()));
    }

    #[test]
    fn what_cannot_be_read_is_shown() {
        let fake = Fake::new().unwrap();
        fake.write("/jobs/j1.2", "{\"half\": ").unwrap();
        let reply = status(&fake, "status");
        assert!(reply.failed);
        assert_eq!(reply.data.get("msg"), Some(&"Could not parse job output: {\"half\": ".into()));
        fake.write("/jobs/j1.2", "").unwrap();
        assert_eq!(status(&fake, "status").data.get("finished"), Some(&false.into()));
    }
}
