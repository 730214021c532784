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
use rplay_value::{Map, Value};

use crate::action::{Action, ActionCx, Done, Traits};
use crate::trouble::Trouble;

/// `ansible.builtin.reboot`
pub(crate) static ACTION: Reboot = Reboot;

/// Reboots.
pub(crate) struct Reboot;

/// What every boot has of its own.
const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";

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
        let spec = cx.task.spec(cx.settings, cx.connection_scope, cx.delegated)?;
        if matches!(spec.kind, rplay_connection::Kind::Local) {
            let msg = "Running reboot with local connection would reboot the control node.";
            return Ok(Done::failed(msg).with("elapsed", 0).with("rebooted", false));
        }
        if cx.settings.check {
            return Ok(Done::changed(true).with("elapsed", 0).with("rebooted", true));
        }
        let number = |names: [&str; 2], default: i64| -> Result<u64, Trouble> {
            for name in names {
                if let Some(value) = cx.int(name)? {
                    return Ok(value.max(0) as u64);
                }
            }
            Ok(default as u64)
        };
        let timeout = number(["reboot_timeout", "reboot_timeout_sec"], 600)?;
        let connect = number(["connect_timeout", "connect_timeout_sec"], 5)?.max(1);
        let before = number(["pre_reboot_delay", "pre_reboot_delay_sec"], 0)? / 60;
        let after = number(["post_reboot_delay", "post_reboot_delay_sec"], 0)?;
        let message = cx.text("msg").unwrap_or_else(|| "Reboot initiated by Ansible".to_owned());
        let boot_command = cx.text("boot_time_command").unwrap_or_else(|| BOOT_ID.to_owned());
        let command = cx.text("reboot_command").unwrap_or_else(|| {
            format!("PATH=$PATH:/sbin:/usr/sbin:/usr/local/sbin shutdown -r {before} {}", super::raw::quote(&message))
        });
        let test = cx.text("test_command").unwrap_or_else(|| "whoami".to_owned());
        let start = Instant::now();
        let boot = shell(cx, &boot_command).await?;
        // The connection may end before the command does: the boot that follows is what counts.
        let _ = shell(cx, &command).await;
        tokio::time::sleep(Duration::from_secs(before * 60 + after)).await;
        let end = start + Duration::from_secs(timeout);
        let mut pause = Duration::from_secs(1);
        while Instant::now() < end {
            cx.run().pool().reset(&spec).await;
            cx.forget_link();
            let left = end.saturating_duration_since(Instant::now());
            if super::wait_for_connection::reach(cx, connect, Duration::from_secs(1), left).await?.is_err() {
                break;
            }
            let now = shell(cx, &boot_command).await.unwrap_or_default();
            if !now.is_empty() && now != boot && shell(cx, &test).await.is_ok() {
                return Ok(Done::changed(true).with("rebooted", true).with("elapsed", start.elapsed().as_secs()));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(12));
        }
        let msg = format!("Timed out waiting for last boot time check (timeout={timeout})");
        Ok(Done::failed(msg).with("rebooted", true).with("elapsed", start.elapsed().as_secs()))
    }
}

/// The output of a command that must end well.
async fn shell(cx: &mut ActionCx<'_>, command: &str) -> Result<String, Trouble> {
    let args = Map::from_iter([("_raw_params", command)]);
    let reply = cx.module("ansible.builtin.shell", args).await?;
    let text = |name: &str| reply.data.get(name).map(|value: &Value| value.to_str().into_owned()).unwrap_or_default();
    if reply.failed {
        return Err(Trouble::action(format!("the command `{command}` failed: {}", text("stderr"))));
    }
    Ok(text("stdout").trim().to_owned())
}
