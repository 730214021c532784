//! Waits until the host can be reached.
//!
//! Options:
//! - `timeout` (default 600): seconds to wait at most.
//! - `delay` (default 0): seconds before the first try.
//! - `sleep` (default 1): seconds between two tries.
//! - `connect_timeout` (default 5): seconds for one try.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.wait_for_connection:
//!     timeout: 300
//! ```

use std::time::{Duration, Instant};

use async_trait::async_trait;
use rplay_connection::Spec;
use rplay_value::{Map, Value};

use crate::action::{Action, ActionCx, Done, Traits};
use crate::trouble::Trouble;

/// `ansible.builtin.wait_for_connection`
pub(crate) static ACTION: WaitForConnection = WaitForConnection;

/// Waits for the host.
pub(crate) struct WaitForConnection;

#[async_trait(?Send)]
impl Action for WaitForConnection {
    fn traits(&self) -> Traits {
        Traits::new("wait_for_connection").arguments(&["connect_timeout", "delay", "sleep", "timeout"])
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let seconds = |name: &str, default: i64| -> Result<Duration, Trouble> {
            let seconds = cx.args.get(name).map(python_int).transpose()?.unwrap_or(default);
            Ok(Duration::from_secs(seconds.max(0).unsigned_abs()))
        };
        let connect = seconds("connect_timeout", 5)?.as_secs().max(1);
        let (delay, sleep, timeout) = (seconds("delay", 0)?, seconds("sleep", 1)?, seconds("timeout", 600)?);
        let start = Instant::now();
        if cx.settings.check {
            return Ok(Done::changed(false).with("skipped", true));
        }
        tokio::time::sleep(delay).await;
        match reach(cx, connect, sleep, timeout).await? {
            Ok(()) => Ok(Done::changed(false).with("elapsed", start.elapsed().as_secs())),
            Err(last) => Ok(Done::failed(format!("timed out waiting for ping module test: {last}"))
                .with("elapsed", start.elapsed().as_secs())),
        }
    }
}

/// A number as Python's `int()` reads it, with its words where it is none.
pub(super) fn python_int(value: &Value) -> Result<i64, Trouble> {
    match value {
        Value::Int(number) => Ok(*number),
        Value::Bool(yes) => Ok(i64::from(*yes)),
        Value::Float(number) => Ok(*number as i64),
        _ => match value.as_str() {
            Some(text) => text.trim().parse().map_err(|_| {
                let shown = value.repr();
                Trouble::message(format!("invalid literal for int() with base 10: {shown}"))
            }),
            None => Err(Trouble::message(format!(
                "int() argument must be a string, a bytes-like object or a real number, not '{}'",
                value.type_name()
            ))),
        },
    }
}

/// Tries to reach the host until it answers or the time is over; then the inner error says what was seen last.
pub(super) async fn reach(
    cx: &mut ActionCx<'_>,
    connect_timeout: u64,
    sleep: Duration,
    timeout: Duration,
) -> Result<Result<(), String>, Trouble> {
    let end = Instant::now() + timeout;
    let spec = if cx.connection_plugin()?.is_some() {
        None
    } else {
        let spec = cx.task.spec(cx.settings, cx.connection_scope, cx.delegated)?;
        Some(Spec { connect_timeout, ..spec })
    };
    loop {
        let ping = cx.call("ansible.builtin.ping", Map::new());
        let reply = match &spec {
            Some(spec) => match cx.run().pool().get(spec).await {
                Ok(link) => link.call(ping).await.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            },
            None => cx.send(ping).await.map_err(|trouble| trouble.text()),
        };
        let last = match reply {
            Ok(reply) if !reply.failed => return Ok(Ok(())),
            Ok(reply) => reply.data.get("msg").map(|msg| msg.to_str().into_owned()).unwrap_or_default(),
            Err(error) => error,
        };
        match &spec {
            Some(spec) => cx.run().pool().reset(spec).await,
            // A plugin that failed connects anew.
            None => _ = cx.take_worker(),
        }
        if Instant::now() + sleep >= end {
            return Ok(Err(last));
        }
        tokio::time::sleep(sleep).await;
    }
}
