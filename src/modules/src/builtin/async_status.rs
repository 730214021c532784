//! Tells how a task in the background is, or forgets it.
//!
//! Options:
//! - `jid` (text, required): the job, `ansible_job_id` of the task that started it.
//! - `mode` (`status` or `cleanup`, default `status`): `cleanup` removes the job's status file.
//! - `_async_dir` (path, required): the folder of status files; the action fills it in from `ansible_async_dir`.
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

use rplay_protocol::Reply;
use rplay_value::{Map, Value};

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `ansible.builtin.async_status`
pub static MODULE: Module = Module {
    name: "async_status",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("jid").required(),
            Arg::text("mode").default("status").choices(&["cleanup", "status"]),
            Arg::path("_async_dir").required(),
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
    if !file.exists() {
        let reply = job(Reply::failure("could not find job")).with("started", true).with("finished", true);
        return Ok(reply.with("results_file", shown));
    }
    if args.need("mode") == "cleanup" {
        fs_err::remove_file(&file)?;
        return Ok(job(Reply::ok()).with("erased", shown));
    }
    let text = fs_err::read_to_string(&file)?;
    let reply = match serde_json::from_str::<Value>(&text) {
        Ok(Value::Map(state)) => state_of(state, jid),
        // Nothing is there yet: it has only just begun.
        _ if text.is_empty() => job(Reply::ok()).with("started", true).with("finished", false),
        _ => {
            let reply = job(Reply::failure(format!("Could not parse job output: {text}")));
            reply.with("started", true).with("finished", true)
        }
    };
    Ok(reply.with("results_file", shown))
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
