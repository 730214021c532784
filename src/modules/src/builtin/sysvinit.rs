//! Manages services that are init scripts.
//!
//! Options:
//! - `name` (required; also `service`): the service, or the path of its script.
//! - `state`: `started`, `stopped`, `restarted`, `reloaded`.
//! - `enabled`: whether it starts at boot, in `runlevels` (list) when given.
//! - `sleep` (seconds, default 1): after stop and after start of a restart.
//! - `pattern`: text in the process list that shows the service runs, instead of its status.
//! - `arguments` (also `args`): given to the script after the action.
//! - `daemonize` (bool): the script runs in a session of its own, for those that do not detach themselves.
//!
//! One of `state` and `enabled` is required.
//!
//! Returns: `name`, and `status` with what was done under `enabled` and under the state: `changed`, `rc`, `stdout`, `stderr`.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - sysvinit:
//!     name: apache2
//!     state: started
//!     runlevels: [3, 5]
//!     enabled: true
//! ```

use std::time::Duration;

use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Output, Support, sysv, tools, words};

/// `ansible.builtin.sysvinit`
pub static MODULE: Module = Module {
    name: "sysvinit",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("name").required().alias(&["service"]),
            Arg::text("state").choices(&["started", "stopped", "restarted", "reloaded"]),
            Arg::bool("enabled"),
            Arg::int("sleep").default("1"),
            Arg::text("pattern"),
            Arg::text("arguments").alias(&["args"]),
            Arg::list("runlevels").elements(crate::Kind::Text),
            Arg::bool("daemonize").default("false"),
        ],
        one_of: &[&["state", "enabled"]],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let name = args.need("name");
    if !sysv::exists(cx, name) {
        return Err(ModuleError::msg(format!("Could not find the requested service {name}: ")));
    }
    let mut run = Run { cx, args, name, status: Map::new(), changed: false };
    // Asked even when only `enabled` is: its warnings are part of the result.
    let running = run.is_running()?;
    run.enable()?;
    run.state(running)?;
    Ok(Reply::changed(run.changed).with("name", name).with("status", run.status))
}

struct Run<'a, 'c> {
    cx: &'a mut Context<'c>,
    args: &'a Args,
    name: &'a str,
    status: Map,
    changed: bool,
}

/// What was done for one part of the task.
fn part(changed: bool, output: Option<&Output>) -> Map {
    let text = |text: fn(&Output) -> String| output.map(text).map_or(Value::Null, Value::from);
    Map::from_iter([
        ("changed", Value::Bool(changed)),
        ("rc", output.map_or(Value::Null, |output| Value::Int(output.rc.into()))),
        ("stderr", text(Output::err)),
        ("stdout", text(Output::out)),
    ])
}

impl Run<'_, '_> {
    fn script(&self) -> String {
        if self.name.starts_with('/') { self.name.to_owned() } else { format!("/etc/init.d/{}", self.name) }
    }

    fn is_listed(&self, text: &str) -> Result<bool, ModuleError> {
        let list = tools::run(self.cx, &[tools::need(self.cx, "ps")?.as_str(), "auxww"])?;
        Ok(list.success() && list.out().lines().any(|line| line.contains(text)))
    }

    /// What the status says, in words before codes: scripts differ in both.
    fn is_running(&mut self) -> Result<bool, ModuleError> {
        if let Some(pattern) = self.args.text("pattern").filter(|pattern| !pattern.is_empty()) {
            let found = self.is_listed(pattern)?;
            if !found {
                self.cx.warn("Unable to determine if service is up, assuming it is down");
            }
            return Ok(found);
        }
        let argv = match tools::find(self.cx, "service") {
            Some(service) => vec![service, self.name.to_owned(), "status".to_owned()],
            None => vec![self.script(), "status".to_owned()],
        };
        let output = tools::run(self.cx, &argv)?;
        let said = output.out();
        if self.name == "iptables" && said.contains("ACCEPT") {
            return Ok(true);
        }
        if said.matches('\n').count() <= 1 {
            let words = said.to_lowercase().replace(&self.name.to_lowercase(), "");
            let any = |list: &[&str]| list.iter().any(|word| words.contains(word));
            if any(&["stop", "is dead ", "dead but ", "could not access pid file", "inactive"]) {
                return Ok(false);
            }
            if any(&["run", "start", "active"]) && !words.contains("not ") {
                return Ok(true);
            }
        }
        match output.rc {
            0 => return Ok(true),
            1..=4 | 69 => return Ok(false),
            _ => {}
        }
        if self.is_listed(self.name)? {
            self.cx.warn("Used ps output to match service name and determine it is up, this is very unreliable");
            return Ok(true);
        }
        self.cx.warn("Unable to determine if service is up, assuming it is down");
        Ok(false)
    }

    fn enable(&mut self) -> Result<(), ModuleError> {
        let wanted = self.args.bool("enabled");
        let levels: Vec<String> =
            self.args.list("runlevels").into_iter().flatten().map(|level| level.to_str().into_owned()).collect();
        let differs = if levels.is_empty() {
            wanted.is_some_and(|wanted| sysv::is_enabled(self.cx, self.name, None) != wanted)
        } else {
            levels.iter().any(|level| Some(sysv::is_enabled(self.cx, self.name, Some(level.as_str()))) != wanted)
        };
        let mut output = None;
        if differs {
            self.changed = true;
            if !self.cx.check() {
                output = self.set_enabled(wanted.unwrap_or(false), &levels)?;
            }
        }
        let mut done = part(differs, output.as_ref());
        if !levels.is_empty() {
            done.insert("runlevels", levels.iter().collect::<List>());
        }
        let illegal = output.is_some_and(|output| output.err().contains("illegal runlevel specified"));
        self.status.insert("enabled", done);
        if illegal {
            let msg = format!("Illegal runlevel specified for enable operation on service {}", self.name);
            let reply = Reply::failure(msg).with("name", self.name).with("status", self.status.clone());
            return Err(ModuleError::reply(Reply { changed: true, ..reply }));
        }
        Ok(())
    }

    fn set_enabled(&self, wanted: bool, levels: &[String]) -> Result<Option<Output>, ModuleError> {
        let name = self.name.to_owned();
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let argv = if let Some(program) = tools::find(self.cx, "update-rc.d") {
            let mut argv = vec![program, name];
            match (wanted, levels.is_empty()) {
                (true, true) => argv.extend(words(&["defaults"])),
                (true, false) => argv.extend(words(&["enable"])),
                (false, _) => argv.extend(words(&["disable"])),
            }
            argv.extend(levels.iter().cloned());
            argv
        } else if let Some(program) = tools::find(self.cx, "chkconfig") {
            let mut argv = vec![program];
            if !levels.is_empty() {
                argv.extend(["--level".to_owned(), levels.concat()]);
            }
            argv.extend([name, if wanted { "on" } else { "off" }.to_owned()]);
            argv
        } else {
            return Err(ModuleError::msg(format!(
                "cannot find a tool to enable the service {name}: neither update-rc.d nor chkconfig is installed"
            )));
        };
        tools::run(self.cx, &argv).map(Some)
    }

    fn state(&mut self, running: bool) -> Result<(), ModuleError> {
        let Some(state) = self.args.text("state") else {
            self.status.insert("null", part(false, None));
            return Ok(());
        };
        let actions: &[&str] = match state {
            "started" if !running => &["start"],
            "stopped" if running => &["stop"],
            "started" | "stopped" => &[],
            "reloaded" => &["reload"],
            // What a script calls restart is not to be relied on.
            _ => &["stop", "start"],
        };
        let mut output = None;
        if !actions.is_empty() {
            self.changed = true;
            if !self.cx.check() {
                for action in actions {
                    output = Some(self.act(state, action)?);
                    let pause = self.args.int("sleep").and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
                    if state == "restarted" {
                        std::thread::sleep(Duration::from_secs(pause));
                    }
                }
            }
        }
        self.status.insert(state, part(!actions.is_empty(), output.as_ref()));
        Ok(())
    }

    fn act(&self, state: &str, action: &str) -> Result<Output, ModuleError> {
        let mut argv = Vec::new();
        if self.args.flag("daemonize") {
            argv.extend([tools::need(self.cx, "setsid")?, "--wait".to_owned()]);
        }
        argv.extend([self.script(), action.to_owned()]);
        argv.extend(words::split(self.args.text("arguments").unwrap_or_default()).map_err(ModuleError::msg)?);
        let output = tools::run(self.cx, &argv)?;
        if output.success() {
            return Ok(output);
        }
        let whole = match state {
            "restarted" => "restart",
            _ => action,
        };
        let reply = Reply::failure(format!("Failed to {whole} service: {}", self.name)).with("rc", output.rc);
        Err(ModuleError::reply(reply.with("stdout", output.out()).with("stderr", output.err())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, args};

    fn fake(status: &str, rc: i32) -> Fake {
        let fake = Fake::new().unwrap();
        fake.write("/etc/init.d/web", "").unwrap();
        fs_err::create_dir_all(fake.path("/etc/rc0.d".as_ref())).unwrap();
        fake.on("service web status", rc, status).on("web", 0, "done\n").on("update-rc.d web", 0, "")
    }

    fn did(reply: &Reply, part: &str) -> Option<Value> {
        reply.data.get("status")?.get(part)?.get("changed").cloned()
    }

    use crate::Sys as _;

    #[test]
    fn a_script_is_started_when_its_status_says_that_it_is_down() {
        for (status, rc, changed) in [("web is stopped\n", 0, true), ("web is running\n", 0, false), ("", 3, true)] {
            let reply = fake(status, rc).call("sysvinit", args([("name", "web"), ("state", "started")]));
            assert_eq!((reply.changed, reply.failed), (changed, false), "{status} {rc} {reply:?}");
            assert_eq!(did(&reply, "started"), Some(changed.into()));
            assert_eq!(did(&reply, "enabled"), Some(false.into()));
        }
    }

    #[test]
    fn links_of_runlevels_say_whether_it_is_enabled() {
        let fake = fake("running", 0);
        let given = || args([("name", Value::from("web")), ("enabled", true.into())]);
        assert_eq!(did(&fake.call("sysvinit", given()), "enabled"), Some(true.into()));
        fake.write("/etc/rc2.d/S01web", "").unwrap();
        assert!(!fake.call("sysvinit", given()).changed);
        let reply = fake.call("sysvinit", args([("name", "gone"), ("state", "started")]));
        assert_eq!(reply.data.get("msg"), Some(&"Could not find the requested service gone: ".into()));
    }
}
