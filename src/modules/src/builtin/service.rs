//! Manages services with whatever the target starts them with: systemd, OpenRC, upstart or init scripts.
//!
//! Options:
//! - `name` (required): the service.
//! - `state`: `started`, `stopped`, `restarted`, `reloaded`.
//! - `enabled`: whether it starts at boot.
//! - `use` (default `auto`): the service manager's module, `systemd`, `openrc`, `sysvinit`.
//! - `sleep`: seconds between stop and start of a restart, for init scripts.
//! - `pattern`: text in the process list that shows the service runs, for init scripts without `status`.
//! - `runlevel` (default `default`), `arguments` (alias `args`): for OpenRC and init scripts.
//! - Under systemd the options of `systemd_service` (`daemon_reload`, `masked`, ...) are taken too.
//!
//! Returns: `name`, `state`, `enabled`, and under systemd `status`.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - service:
//!     name: nginx
//!     state: restarted
//!     enabled: true
//! ```

use std::time::Duration;

use rplay_protocol::{Call, Reply};

use crate::convert::Surroundings;
use crate::facts::service_manager;
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Output, Support, sysv, tools, words};

/// `ansible.builtin.service`
pub static MODULE: Module = Module {
    name: "service",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("name"),
            Arg::text("state"),
            Arg::int("sleep"),
            Arg::text("pattern"),
            Arg::bool("enabled"),
            Arg::text("runlevel").default("default"),
            Arg::text("arguments").default("").alias(&["args"]),
            Arg::text("use").default("auto"),
        ],
        // The service manager's module says what it takes.
        open: true,
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

/// What is taken where services are scripts.
static SCRIPTS: ArgSpec = ArgSpec {
    args: &[
        Arg::text("name").required(),
        Arg::text("state").choices(&["started", "stopped", "reloaded", "restarted"]),
        Arg::int("sleep"),
        Arg::text("pattern"),
        Arg::bool("enabled"),
        Arg::text("runlevel").default("default"),
        Arg::text("arguments").default("").alias(&["args"]),
        Arg::text("use").default("auto"),
    ],
    one_of: &[&["state", "enabled"]],
    ..ArgSpec::EMPTY
};

/// Options that mean nothing to systemd.
const FOR_SCRIPTS: &[&str] = &["pattern", "runlevel", "sleep", "arguments", "args"];

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let manager = match args.need("use") {
        "auto" | "service" | "ansible.legacy.service" => service_manager(cx),
        named => named.rsplit('.').next().unwrap_or(named).to_owned(),
    };
    if manager == "systemd" || manager == "systemd_service" {
        return Ok(with_systemd(cx));
    }
    let sys = cx.sys();
    let surroundings = Surroundings::new(|name| sys.var(name));
    let args = SCRIPTS.check_in("ansible.legacy.service", &cx.call().args, &surroundings);
    let args = &args.map_err(|error| ModuleError::msg(error.message))?;
    let openrc = manager == "openrc" || tools::find(cx, "rc-service").is_some() && manager != "sysvinit";
    Scripts { cx, args, openrc }.run()
}

fn with_systemd(cx: &mut Context<'_>) -> Reply {
    let mut call = Call { module: "ansible.legacy.systemd".to_owned(), attachments: Vec::new(), ..cx.call().clone() };
    call.args.remove("use");
    for option in FOR_SCRIPTS {
        if call.args.remove(option).is_some() {
            cx.warn(format!("Ignoring \"{option}\" as it is not used in \"systemd\""));
        }
    }
    crate::run(cx.sys(), &call)
}

/// Services that are scripts.
struct Scripts<'a, 'c> {
    cx: &'a mut Context<'c>,
    args: &'a Args,
    openrc: bool,
}

impl Scripts<'_, '_> {
    fn run(mut self) -> Result<Reply, ModuleError> {
        let name = self.args.need("name").to_owned();
        let upstart = self.cx.path(format!("/etc/init/{name}.conf")).exists();
        if !sysv::exists(self.cx, &name) && !upstart {
            return Err(ModuleError::msg(format!("Could not find the requested service {name}: host")));
        }
        let mut reply = Reply::ok().with("name", name.as_str());
        if let Some(wanted) = self.args.bool("enabled") {
            if self.is_enabled(&name)? != wanted {
                reply.changed = true;
                if !self.cx.check() {
                    self.enable(&name, wanted)?;
                }
            }
            reply = reply.with("enabled", wanted);
        }
        let Some(state) = self.args.text("state") else { return Ok(reply) };
        let running = self.is_running(&name)?;
        let action = match state {
            "started" if !running => Some("start"),
            "stopped" if running => Some("stop"),
            "started" | "stopped" => None,
            "reloaded" if !running => Some("start"),
            "reloaded" => Some("reload"),
            _ => Some("restart"),
        };
        if let Some(action) = action {
            reply.changed = true;
            if !self.cx.check() {
                let output = self.act(&name, action)?;
                if !output.success() {
                    let said = if output.stderr.is_empty() { output.out() } else { output.err() };
                    let msg = if said.trim().is_empty() {
                        format!("Unable to {action} service {name}, rc: {}", output.rc)
                    } else {
                        said
                    };
                    return Err(ModuleError::msg(msg));
                }
            }
        }
        Ok(reply.with("state", if state == "stopped" { "stopped" } else { "started" }))
    }

    /// Runs the service's script with one action.
    fn control(&self, name: &str, action: &str) -> Result<Output, ModuleError> {
        let mut argv = if self.openrc {
            vec![tools::need(self.cx, "rc-service")?, name.to_owned(), action.to_owned()]
        } else if let Some(service) = tools::find(self.cx, "service") {
            vec![service, name.to_owned(), action.to_owned()]
        } else {
            vec![format!("/etc/init.d/{name}"), action.to_owned()]
        };
        argv.extend(words::split(self.args.need("arguments")).map_err(ModuleError::msg)?);
        tools::run(self.cx, &argv)
    }

    fn act(&self, name: &str, action: &str) -> Result<Output, ModuleError> {
        let Some(pause) = self.args.int("sleep").filter(|_| action == "restart") else {
            return self.control(name, action);
        };
        let stopped = self.control(name, "stop")?;
        if !stopped.success() {
            return Ok(stopped);
        }
        std::thread::sleep(Duration::from_secs(u64::try_from(pause).unwrap_or(0)));
        self.control(name, "start")
    }

    fn is_running(&mut self, name: &str) -> Result<bool, ModuleError> {
        if let Some(pattern) = self.args.text("pattern") {
            let list = tools::run(self.cx, &[tools::need(self.cx, "ps")?.as_str(), "auxww"])?;
            return Ok(list.out().lines().any(|line| line.contains(pattern)));
        }
        let status = self.control(name, "status")?;
        let said = format!("{}{}", status.out(), status.err()).to_lowercase();
        // Codes are those of the Linux Standard Base: 0 runs, 1 to 3 does not, above is unknown.
        Ok(match status.rc {
            0 => {
                !["stop/waiting", "is stopped", "not running", "is not running", "status: stopped", "status:  stopped"]
                    .iter()
                    .any(|text| said.contains(text))
            }
            _ => false,
        })
    }

    fn is_enabled(&self, name: &str) -> Result<bool, ModuleError> {
        if self.openrc {
            let shown = tools::run(self.cx, &[tools::need(self.cx, "rc-update")?.as_str(), "show"])?;
            let level = self.args.need("runlevel");
            return Ok(shown.out().lines().filter_map(|line| line.split_once('|')).any(|(service, levels)| {
                service.trim() == name && levels.split_whitespace().any(|found| found == level)
            }));
        }
        if let Some(chkconfig) = tools::find(self.cx, "chkconfig") {
            let listed = tools::run(self.cx, &[chkconfig.as_str(), "--list", name])?;
            if listed.success() {
                return Ok(["3:on", "5:on"].iter().all(|level| listed.out().contains(level)));
            }
        }
        Ok(sysv::is_enabled(self.cx, name, None))
    }

    fn enable(&self, name: &str, wanted: bool) -> Result<(), ModuleError> {
        let level = self.args.need("runlevel");
        let commands: Vec<Vec<&str>> = if self.openrc {
            vec![vec!["rc-update", if wanted { "add" } else { "delete" }, name, level]]
        } else if tools::find(self.cx, "update-rc.d").is_some() {
            let mut commands = vec![vec!["update-rc.d", name, "defaults"]];
            commands.push(vec!["update-rc.d", name, if wanted { "enable" } else { "disable" }]);
            commands
        } else if tools::find(self.cx, "chkconfig").is_some() {
            vec![vec!["chkconfig", "--add", name], vec!["chkconfig", name, if wanted { "on" } else { "off" }]]
        } else {
            return Err(ModuleError::msg(format!(
                "cannot find a tool to enable the service {name}: none of rc-update, update-rc.d, chkconfig is installed"
            )));
        };
        for command in commands {
            let program = tools::need(self.cx, command[0])?;
            let mut argv = vec![program.as_str()];
            argv.extend(&command[1..]);
            tools::run_checked(self.cx, &argv)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn systemd_takes_over_where_it_runs() {
        let show = "LoadState=loaded\nActiveState=inactive\n";
        let fake = Fake::new().unwrap().on("systemctl show", 0, show).on("systemctl", 0, "");
        fake.write("/proc/1/comm", "systemd\n").unwrap();
        let reply = fake.call("service", args([("name", "x"), ("state", "started"), ("sleep", "1")]));
        assert!(reply.changed && !reply.failed, "{reply:?}");
        assert_eq!(fake.command_lines(), ["systemctl show x", "systemctl start x"]);
        assert!(!fake.call("service", args([("name", "x"), ("daemon_reload", "true")])).failed);
        let reply = fake.call("service", args([("name", "x"), ("state", "started"), ("nonsense", "1")]));
        assert!(reply.failed, "{reply:?}");
    }

    #[test]
    fn init_scripts_are_started_stopped_and_enabled() {
        let fake = Fake::new().unwrap().on("service x status", 3, "").on("service", 0, "").on("update-rc.d", 0, "");
        fake.write("/etc/init.d/x", "").unwrap();
        let call = |state| fake.call("service", args([("name", "x"), ("state", state), ("use", "sysvinit")]));
        assert!(call("started").changed);
        assert!(!call("stopped").changed);
        assert!(call("restarted").changed);
        assert_eq!(fake.command_lines().iter().filter(|line| !line.ends_with("status")).count(), 2);
        let enable = |wanted| fake.call("service", args([("name", "x"), ("enabled", wanted), ("use", "sysvinit")]));
        assert!(enable("true").changed);
        fake.write("/etc/rc2.d/S01x", "").unwrap();
        fake.write("/etc/rc0.d/K01x", "").unwrap();
        assert!(!enable("true").changed);
        assert!(fake.call("service", args([("name", "y"), ("state", "started"), ("use", "sysvinit")])).failed);
    }

    #[test]
    fn openrc() {
        let fake = Fake::new()
            .unwrap()
            .on("rc-service", 0, "status: started")
            .on("rc-update show", 0, " x | default\n")
            .on("rc-update", 0, "");
        fake.write("/etc/init.d/x", "").unwrap();
        let reply =
            fake.call("service", args([("name", "x"), ("enabled", "true"), ("state", "started"), ("use", "openrc")]));
        assert!(!reply.changed && !reply.failed, "{reply:?}");
        assert!(fake.call("service", args([("name", "x"), ("enabled", "false"), ("use", "openrc")])).changed);
        assert_eq!(fake.command_lines().last().unwrap(), "rc-update delete x default");
    }
}
