//! Reboots the host and waits until it is back.
//!
//! Options:
//! - `reboot_timeout` (also `reboot_timeout_sec`; default 600): seconds to wait for the host to boot and for `test_command` to succeed.
//! - `connect_timeout` (also `connect_timeout_sec`): seconds for one try to connect.
//! - `pre_reboot_delay` (also `pre_reboot_delay_sec`; default 0), `post_reboot_delay` (also `post_reboot_delay_sec`; default 0):
//!   seconds before the reboot, and before the host is asked again.
//! - `msg`: what users of the host are told.
//! - `test_command` (default `whoami`): what must succeed on the host.
//! - `boot_time_command` (default `cat /proc/sys/kernel/random/boot_id`): what prints something else after a reboot.
//! - `reboot_command`: the command that reboots, instead of `shutdown`.
//! - `search_paths` (default `/sbin`, `/bin`, `/usr/sbin`, `/usr/bin`, `/usr/local/sbin`): folders to look for `shutdown` in.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.reboot:
//!     reboot_timeout: 900
//! ```

use std::time::{Duration, Instant};

use async_trait::async_trait;
use rplay_value::{List, Map, Value};

use super::wait_for_connection::python_int;
use crate::action::{Action, ActionCx, Done, Traits};
use crate::trouble::Trouble;

/// `ansible.builtin.reboot`
pub(crate) static ACTION: Reboot = Reboot;

/// Reboots.
pub(crate) struct Reboot;

/// What every boot has of its own.
const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";

/// Where the program that reboots is looked for.
const PATHS: [&str; 5] = ["/sbin", "/bin", "/usr/sbin", "/usr/bin", "/usr/local/sbin"];

#[async_trait(?Send)]
impl Action for Reboot {
    fn traits(&self) -> Traits {
        Traits::new("reboot").arguments(&[
            "boot_time_command",
            "connect_timeout",
            "connect_timeout_sec",
            "msg",
            "post_reboot_delay",
            "post_reboot_delay_sec",
            "pre_reboot_delay",
            "pre_reboot_delay_sec",
            "reboot_command",
            "reboot_timeout",
            "reboot_timeout_sec",
            "search_paths",
            "test_command",
        ])
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let name = cx.task.task.action.name.to_string();
        let spec = cx.task.spec(cx.settings, cx.connection_scope, cx.delegated)?;
        if matches!(spec.kind, rplay_connection::Kind::Local) {
            let msg = format!("Running {name} with local connection would reboot the control node.");
            return Ok(Done::failed(msg).with("elapsed", 0).with("rebooted", false));
        }
        if cx.settings.check {
            return Ok(Done::changed(true).with("elapsed", 0).with("rebooted", true));
        }
        let orders = Orders::read(cx)?;
        let boot = match boot_time(cx, &orders, &name).await {
            Ok(boot) => boot,
            Err(msg) => return Ok(Done::failed(msg).with("reboot", false)),
        };
        let command = orders.command(cx).await?;
        // The connection may end before the command does: the boot that follows is what counts.
        let ordered = shell(cx, &command).await.ok();
        let start = Instant::now();
        if let Some(failed) = ordered.filter(|said| said.rc != 0) {
            let msg = format!("Reboot command failed. Error was: '{}, {}'", failed.out.trim(), failed.err.trim());
            let now = jiff::Timestamp::now().to_string();
            return Ok(Done::failed(msg).with("rebooted", false).with("start", now).with("elapsed", 0));
        }
        tokio::time::sleep(orders.after).await;
        let missing = wait(cx, &orders, &spec, &name, &boot).await?;
        let elapsed = start.elapsed().as_secs();
        Ok(match missing {
            None => Done::changed(true).with("rebooted", true).with("elapsed", elapsed),
            Some(what) => {
                let msg = format!("Timed out waiting for {what} (timeout={})", orders.timeout.as_secs());
                Done::failed(msg).with("rebooted", true).with("elapsed", elapsed)
            }
        })
    }
}

/// What the task asks for.
struct Orders {
    timeout: Duration,
    connect: u64,
    after: Duration,
    boot_time: String,
    reboot: Option<String>,
    paths: Vec<String>,
    /// What `shutdown` is told.
    message: (i64, String),
    test: String,
}

impl Orders {
    fn read(cx: &ActionCx<'_>) -> Result<Self, Trouble> {
        let number = |names: [&str; 2], default: i64| -> Result<i64, Trouble> {
            let given = names.into_iter().find_map(|name| cx.args.get(name));
            Ok(given.map(python_int).transpose()?.unwrap_or(default).max(0))
        };
        let seconds = |names, default| Ok::<_, Trouble>(Duration::from_secs(number(names, default)?.unsigned_abs()));
        let text = |name: &str| match cx.args.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_str().map(|text| Some(text.to_owned())).ok_or_else(|| {
                let shown = value.repr();
                Trouble::message(format!(
                    "Invalid value given for '{name}': {shown} is not a string and conversion is not allowed."
                ))
            }),
        };
        let before = number(["pre_reboot_delay", "pre_reboot_delay_sec"], 0)?;
        let paths = match cx.args.get("search_paths") {
            None => PATHS.map(str::to_owned).to_vec(),
            Some(Value::List(list)) => list.iter().map(|path| path.to_str().into_owned()).collect(),
            Some(Value::Map(map)) => {
                let shown = Value::Map(map.clone()).repr();
                let msg = format!("'search_paths' must be a string or flat list of strings, got {shown}");
                return Err(Trouble::message(msg));
            }
            Some(other) => other.to_str().split(',').map(str::to_owned).collect(),
        };
        Ok(Self {
            timeout: seconds(["reboot_timeout", "reboot_timeout_sec"], 600)?,
            connect: number(["connect_timeout", "connect_timeout_sec"], 5)?.max(1).unsigned_abs(),
            after: seconds(["post_reboot_delay", "post_reboot_delay_sec"], 0)?,
            boot_time: text("boot_time_command")?.filter(|text| !text.is_empty()).unwrap_or_else(|| BOOT_ID.to_owned()),
            reboot: text("reboot_command")?,
            paths,
            message: (before / 60, cx.text("msg").unwrap_or_else(|| "Reboot initiated by Ansible".to_owned())),
            test: cx.text("test_command").unwrap_or_else(|| "whoami".to_owned()),
        })
    }

    /// The command line that reboots, with the program's place.
    async fn command(&self, cx: &mut ActionCx<'_>) -> Result<String, Trouble> {
        let (program, words) = match &self.reboot {
            Some(command) => command.split_once(' ').unwrap_or((command, "")),
            None => ("shutdown", ""),
        };
        let place = if program.starts_with('/') { program.to_owned() } else { self.place(cx, program).await? };
        Ok(match &self.reboot {
            Some(_) => format!("{place} {words}"),
            None => format!("{place} -r {} {}", self.message.0, super::raw::quote(&self.message.1)),
        })
    }

    async fn place(&self, cx: &mut ActionCx<'_>, program: &str) -> Result<String, Trouble> {
        let paths: List = self.paths.iter().map(String::as_str).collect();
        let args = Map::from_iter([
            ("paths", Value::List(paths.clone())),
            ("patterns", Value::from(program)),
            ("file_type", "any".into()),
        ]);
        let found = cx.module("ansible.builtin.find", args).await?;
        let first = found.data.get("files").and_then(|files| files.as_list()?.iter().next()?.get("path").cloned());
        first.map(|path| path.to_str().into_owned()).ok_or_else(|| {
            let shown = Value::List(paths).repr();
            Trouble::message(format!("Unable to find command \"{program}\" in search paths: {shown}"))
        })
    }
}

/// Waits for another boot and then for the test; what did not come in time.
async fn wait(
    cx: &mut ActionCx<'_>,
    orders: &Orders,
    spec: &rplay_connection::Spec,
    name: &str,
    boot: &str,
) -> Result<Option<&'static str>, Trouble> {
    for what in ["last boot time check", "post-reboot test command"] {
        let end = Instant::now() + orders.timeout;
        let mut pause = Duration::from_secs(1);
        loop {
            if Instant::now() >= end {
                return Ok(Some(what));
            }
            cx.run().pool().reset(spec).await;
            cx.forget_link();
            let left = end.saturating_duration_since(Instant::now());
            if super::wait_for_connection::reach(cx, orders.connect, Duration::from_secs(1), left).await?.is_err() {
                return Ok(Some(what));
            }
            let there = if what == "last boot time check" {
                boot_time(cx, orders, name).await.is_ok_and(|now| !now.is_empty() && now != boot)
            } else {
                shell(cx, &orders.test).await.is_ok_and(|said| said.rc == 0)
            };
            if there {
                break;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(12));
        }
    }
    Ok(None)
}

/// What the command about the last boot prints, or why it does not.
async fn boot_time(cx: &mut ActionCx<'_>, orders: &Orders, name: &str) -> Result<String, String> {
    let said = shell(cx, &orders.boot_time).await.map_err(|trouble| trouble.text())?;
    if said.rc == 0 {
        return Ok(said.out.trim().to_owned());
    }
    let Said { rc, out, err } = said;
    Err(format!("{name}: failed to get host boot time info, rc: {rc}, stdout: {out}, stderr: {err}"))
}

/// What a command said.
struct Said {
    rc: i64,
    out: String,
    err: String,
}

async fn shell(cx: &mut ActionCx<'_>, command: &str) -> Result<Said, Trouble> {
    let args = Map::from_iter([("_raw_params", Value::from(command)), ("strip_empty_ends", false.into())]);
    let reply = cx.module("ansible.builtin.shell", args).await?;
    let text = |name: &str| reply.data.get(name).map(|value: &Value| value.to_str().into_owned()).unwrap_or_default();
    let rc = reply.data.get("rc").and_then(Value::as_int).unwrap_or_else(|| i64::from(reply.failed));
    Ok(Said { rc, out: text("stdout"), err: text("stderr") })
}
