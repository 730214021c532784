//! What the daemon is told to do with a container, and waiting until it has.

use std::thread;
use std::time::Duration;

use rplay_value::{Map, Value};

use super::super::docker_container_exec::split_streams;
use super::super::engine::{Fault, quoted};
use super::network;
use super::prepare::order;
use super::state::{Container, Work};
use crate::{Context, ModuleError};

impl Work<'_, '_> {
    pub(super) fn wait_until_gone(&mut self, id: &str) -> Result<(), ModuleError> {
        let limit = self.seconds("removal_wait_timeout");
        self.wait(id, false, |_| false, |state| state == Some("removing"), true, limit).map(drop)
    }

    /// Looks again and again, ever less often, until the container is in a state that completes the waiting.
    pub(super) fn wait(
        &self,
        id: &str,
        health: bool,
        complete: impl Fn(Option<&str>) -> bool,
        waits: impl Fn(Option<&str>) -> bool,
        may_vanish: bool,
        limit: Option<f64>,
    ) -> Result<Option<Map>, ModuleError> {
        let (mut delay, mut waited) = (1.0_f64, 0.0_f64);
        loop {
            let Some(container) = self.engine.container_by_id(id)? else {
                if may_vanish {
                    return Ok(None);
                }
                return Err(self.fail(format!("Encontered vanished container while waiting for container \"{id}\"")));
            };
            let state = container.get("State").cloned().unwrap_or_default();
            let state = if health { state.get("Health").cloned().unwrap_or_default() } else { state };
            let status = state.get("Status").and_then(Value::as_str);
            if complete(status) {
                return Ok(Some(container));
            }
            let stuck = |msg: String| match self.fail(msg) {
                ModuleError::Failed { reply } => ModuleError::reply(reply.with("container", container.clone())),
                other => other,
            };
            if !waits(status) {
                let status = status.unwrap_or("None");
                let msg = format!("Encontered unexpected state \"{status}\" while waiting for container \"{id}\"");
                return Err(stuck(msg));
            }
            if let Some(limit) = limit {
                if waited > limit || delay < 1e-4 {
                    let shown = Value::Float(limit).to_string();
                    let msg = format!("Timeout of {shown} seconds exceeded while waiting for container \"{id}\"");
                    return Err(stuck(msg));
                }
                delay = delay.min(limit - waited);
            }
            if self.cx.sys().is_cancelled() {
                return Err(self.fail("cancelled"));
            }
            thread::sleep(Duration::from_secs_f64(delay.max(0.0)));
            waited += delay;
            delay = (delay * 1.1).min(10.0);
        }
    }

    pub(super) fn create(&mut self, image: &str) -> Result<Option<Container>, ModuleError> {
        let mut body = Map::new();
        for (group, wanted) in &self.wanted {
            group.set(wanted, &mut body);
        }
        body.insert("Image", image);
        let mut networks = self.networks();
        if !self.flag("networks_cli_compatible") {
            networks.clear();
        } else if !self.engine.speaks("1.44") {
            networks.truncate(1);
        }
        let without = |network: &Map| -> Map {
            network
                .texts()
                .filter(|(key, _)| !matches!(key.as_str(), "name" | "id"))
                .map(|(k, v)| (k.as_str(), v.clone()))
                .collect()
        };
        let named: Map = networks.iter().map(|n| (n.get("name").cloned().unwrap_or_default(), without(n))).collect();
        self.did([
            ("created", Value::from("Created container")),
            ("create_parameters", body.clone().into()),
            ("networks", named.into()),
        ]);
        if self.cx.check() {
            return Ok(None);
        }
        let platform = body.remove("platform").map(|platform| platform.to_string());
        let endpoints: Map =
            networks.iter().map(|n| (n.get("name").cloned().unwrap_or_default(), network::endpoint(n))).collect();
        body.insert("NetworkingConfig", Map::from_iter([("EndpointsConfig", endpoints)]));
        let answer = self
            .engine
            .post("/containers/create")
            .param("name", self.text("name").unwrap_or_default())
            .maybe("platform", platform)
            .body(&body)
            .value()
            .map_err(|fault| self.fail(format!("Error creating container: {fault}")))?;
        self.report_warnings(&answer);
        let id = answer.get("Id").map(Value::to_string).unwrap_or_default();
        self.find(&id).map(Some)
    }

    pub(super) fn start(&mut self, id: &str) -> Result<Container, ModuleError> {
        self.did([("started", id)]);
        if self.cx.check() {
            return self.find(id);
        }
        self.engine
            .post(&order(id, "start"))
            .body(&Map::new())
            .done()
            .map_err(|fault| self.fail(format!("Error starting container {id}: {fault}")))?;
        if self.params.get("detach").and_then(Value::as_bool) != Some(false) {
            return self.find(id);
        }
        let ended = self.engine.post(&order(id, "wait")).body(&Map::new()).timeout(None).value()?;
        let status = ended.get("StatusCode").cloned().unwrap_or_default();
        self.status = Some(status.clone());
        let output = if self.flag("auto_remove") {
            if self.flag("output_logs") {
                self.cx.warn("Cannot output_logs if auto_remove is enabled!");
            }
            "Cannot retrieve result as auto_remove is enabled".to_owned()
        } else {
            self.output(id)?
        };
        if self.flag("cleanup") {
            self.remove(id, true)?;
        }
        let mut container = self.find(id)?;
        container.0.get_or_insert_default().insert("Output", output.as_str());
        if status != Value::Int(0) {
            self.failed = Some(output.into());
        }
        Ok(container)
    }

    /// What the container wrote, if its log driver tells.
    fn output(&self, id: &str) -> Result<String, Fault> {
        let container = self.engine.get(&order(id, "json")).value()?;
        let of = |section: &str, key: &str| container.get(section).and_then(|config| config.get(key)).cloned();
        let log = of("HostConfig", "LogConfig").unwrap_or_default();
        let driver = log.get("Type").map(Value::to_string).unwrap_or_default();
        if !["json-file", "journald", "local"].contains(&driver.as_str()) {
            return Ok(format!("Result logged using `{driver}` driver"));
        }
        let path = order(id, "logs");
        let logs = self.engine.get(&path).param("stderr", 1).param("stdout", 1).param("timestamps", 0);
        let said = logs.param("follow", 0).param("tail", "all").send()?.bytes()?;
        let said = if of("Config", "Tty").is_some_and(|tty| tty.is_true()) { said } else { in_order(&said) };
        let text = String::from_utf8_lossy(&said).into_owned();
        if self.flag("output_logs") {
            to_syslog(self.cx, &text);
        }
        Ok(text)
    }

    pub(super) fn restart(&mut self, id: &str) -> Result<Container, ModuleError> {
        let timeout = self.params.get("stop_timeout").cloned().unwrap_or_default();
        self.did([("restarted", Value::from(id)), ("timeout", timeout.clone())]);
        if !self.cx.check() {
            let seconds = timeout.as_int().filter(|seconds| *seconds != 0).unwrap_or(10);
            self.engine
                .post(&order(id, "restart"))
                .param("t", seconds)
                .patience(seconds.unsigned_abs())
                .done()
                .map_err(|fault| self.fail(format!("Error restarting container {id}: {fault}")))?;
        }
        self.find(id)
    }

    pub(super) fn stop(&mut self, id: &str) -> Result<(), ModuleError> {
        if self.flag("force_kill") {
            let signal = self.params.get("kill_signal").cloned().unwrap_or_default();
            self.did([("killed", Value::from(id)), ("signal", signal.clone())]);
            if self.cx.check() {
                return Ok(());
            }
            let ask = self.engine.post(&order(id, "kill")).maybe("signal", signal.as_str());
            return ask.done().map_err(|fault| self.fail(format!("Error killing container {id}: {fault}")));
        }
        let timeout = self.params.get("stop_timeout").cloned().unwrap_or_default();
        self.did([("stopped", Value::from(id)), ("timeout", timeout.clone())]);
        if self.cx.check() {
            return Ok(());
        }
        let seconds = timeout.as_int().filter(|seconds| *seconds != 0);
        let path = order(id, "stop");
        let patience = seconds.unwrap_or(10).unsigned_abs();
        let stop = || self.engine.post(&path).maybe("t", seconds).patience(patience).done();
        self.unless_paused(id, stop).map_err(|why| self.fail(format!("Error stopping container {id}: {why}")))
    }

    pub(super) fn remove(&mut self, id: &str, force: bool) -> Result<(), ModuleError> {
        let volumes = !self.flag("keep_volumes");
        self.did([
            ("removed", Value::from(id)),
            ("volume_state", volumes.into()),
            ("link", false.into()),
            ("force", force.into()),
        ]);
        if self.cx.check() {
            return Ok(());
        }
        let path = format!("/containers/{}", quoted(id));
        let remove = || {
            let answer = self.engine.delete(&path).flag("v", volumes).flag("link", false).flag("force", force).done();
            match answer {
                Err(fault) if fault.is_not_found() => Ok(()),
                Err(fault)
                    if fault.explanation().contains("removal of container ")
                        && fault.explanation().contains(" is already in progress") =>
                {
                    Ok(())
                }
                other => other,
            }
        };
        self.unless_paused(id, remove).map_err(|why| self.fail(format!("Error removing container {id}: {why}")))
    }

    /// Some daemons neither stop nor remove what is paused: then it goes on first.
    fn unless_paused(&self, id: &str, act: impl Fn() -> Result<(), Fault>) -> Result<(), String> {
        let mut tried = 0;
        loop {
            match act() {
                Err(fault) if fault.explanation().contains("Unpause the container before stopping or killing") => {
                    if tried == 3 {
                        return Err(format!("{fault} [tried to unpause three times]"));
                    }
                    tried += 1;
                    let unpaused = self.engine.post(&order(id, "unpause")).done();
                    unpaused.map_err(|fault| format!("{fault} [while unpausing]"))?;
                }
                other => return other.map_err(|fault| fault.to_string()),
            }
        }
    }
}

/// The content of all frames, in the order they came.
fn in_order(frames: &[u8]) -> Vec<u8> {
    let mut rest = frames;
    let mut content = Vec::with_capacity(frames.len());
    while let Some((header, tail)) = rest.split_first_chunk::<8>() {
        let length = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(tail.len());
        let (stdout, stderr) = split_streams(&rest[..8 + length]);
        content.extend(stdout);
        content.extend(stderr);
        rest = &tail[length..];
    }
    content
}

/// Leaves a text in the system's log, where there is one.
fn to_syslog(cx: &Context<'_>, text: &str) {
    if let Ok(socket) = std::os::unix::net::UnixDatagram::unbound() {
        let line = format!("<14>ansible-docker_container: {text}");
        let _logged = socket.send_to(line.as_bytes(), cx.path("/dev/log"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_keep_their_order() {
        let frames = [b"\x02\0\0\0\0\0\0\x02e\n".as_slice(), b"\x01\0\0\0\0\0\0\x02o\n"].concat();
        assert_eq!(in_order(&frames), b"e\no\n");
    }
}
