//! Manages units of systemd. Also known as `systemd`.
//!
//! Options:
//! - `name` (aliases `service`, `unit`): the unit; `.service` may be left out.
//! - `state`: `started`, `stopped`, `restarted`, `reloaded`.
//! - `enabled`, `masked`: whether it starts at boot, whether it can be started at all.
//! - `daemon_reload`, `daemon_reexec`: let systemd read its units again, or start itself again, first.
//! - `scope` (default `system`): `system`, `user`, `global`.
//! - `no_block`, `force`: passed on to systemctl.
//!
//! Returns: `name`, `state`, `enabled`, `status` (what `systemctl show` says).
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - systemd_service:
//!     name: chronyd
//!     state: started
//!     enabled: true
//!     daemon_reload: true
//! ```

use rplay_protocol::Reply;
use rplay_value::{Map, Value};

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Output, Program, Support, sysv, tools};

/// `ansible.builtin.systemd_service`
pub static MODULE: Module = Module {
    name: "systemd_service",
    collection: "ansible.builtin",
    spec: &SPEC,
    check: Support::Full,
    diff: Support::None,
    run,
};

pub(crate) static SPEC: ArgSpec = ArgSpec {
    args: &[
        Arg::text("name").alias(&["service", "unit"]),
        Arg::text("state").choices(&["reloaded", "restarted", "started", "stopped"]),
        Arg::bool("enabled"),
        Arg::bool("force"),
        Arg::bool("masked"),
        Arg::bool("daemon_reload").default("false").alias(&["daemon-reload"]),
        Arg::bool("daemon_reexec").default("false").alias(&["daemon-reexec"]),
        Arg::text("scope").default("system").choices(&["system", "user", "global"]),
        Arg::bool("no_block").default("false"),
    ],
    one_of: &[&["state", "enabled", "masked", "daemon_reload", "daemon_reexec"]],
    required_by: &[("state", &["name"]), ("enabled", &["name"]), ("masked", &["name"])],
    ..ArgSpec::EMPTY
};

/// States `is-enabled` may print for a unit that is there.
const KNOWN_STATES: &[&str] = &[
    "enabled",
    "enabled-runtime",
    "linked",
    "linked-runtime",
    "masked",
    "masked-runtime",
    "static",
    "indirect",
    "disabled",
    "generated",
    "transient",
];

pub(crate) fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let unit = args.text("name");
    if let Some((unit, glob)) =
        unit.and_then(|unit| Some((unit, ["*", "?", "["].into_iter().find(|glob| unit.contains(glob))?)))
    {
        let msg = format!(
            "This module does not currently support using glob patterns, found '{glob}' in service name: {unit}"
        );
        return Err(ModuleError::msg(msg));
    }
    let mut control = Systemctl::new(cx, args)?;
    for (option, command) in [("daemon_reload", "daemon-reload"), ("daemon_reexec", "daemon-reexec")] {
        if args.flag(option) && !control.cx.check() {
            let output = control.run(&[command])?;
            if !output.success() && control.offline() {
                let msg = format!(
                    "{command} failed, but target is a chroot or systemd is offline. Continuing. Error was: {} / {}",
                    output.rc,
                    output.err()
                );
                control.cx.warn(msg);
            } else if !output.success() {
                return Err(ModuleError::msg(format!("failure {} during {command}: {}", output.rc, output.err())));
            }
        }
    }
    let Some(unit) = unit else {
        return Ok(Reply::ok().with("name", Value::Null).with("status", Map::new()));
    };
    control.apply(unit, args)
}

/// systemctl with the options every call shares.
struct Systemctl<'a, 'c> {
    cx: &'a mut Context<'c>,
    prefix: Vec<String>,
}

impl<'a, 'c> Systemctl<'a, 'c> {
    fn new(cx: &'a mut Context<'c>, args: &Args) -> Result<Self, ModuleError> {
        let mut prefix = vec![tools::need(cx, "systemctl")?];
        if args.need("scope") != "system" {
            prefix.push(format!("--{}", args.need("scope")));
        }
        if args.flag("no_block") {
            prefix.push("--no-block".to_owned());
        }
        if args.flag("force") {
            prefix.push("--force".to_owned());
        }
        Ok(Self { cx, prefix })
    }

    fn run(&self, words: &[&str]) -> Result<Output, ModuleError> {
        let mut program = Program::new(self.prefix.iter().map(String::as_str).chain(words.iter().copied()));
        if self.cx.sys().var("XDG_RUNTIME_DIR").is_none() {
            program = program.env("XDG_RUNTIME_DIR", &format!("/run/user/{}", self.cx.sys().euid()));
        }
        tools::run_program(self.cx, program)
    }

    /// Whether systemd cannot be talked to by design: in a chroot, or when told so.
    fn offline(&self) -> bool {
        self.cx.sys().var("SYSTEMD_OFFLINE").as_deref() == Some("1") || crate::facts::is_chroot(self.cx)
    }

    fn apply(&mut self, unit: &str, args: &Args) -> Result<Reply, ModuleError> {
        let check = self.cx.check();
        let is_script = sysv::exists(self.cx, unit);
        let (status, is_unit) = self.look(unit)?;
        let found = is_unit || is_script;
        if is_script && !is_unit {
            let msg = format!("The service ({unit}) is actually an init script but the system is managed by systemd");
            self.cx.warn(msg);
        }
        let missing = || ModuleError::msg(format!("Could not find the requested service {unit}: host"));
        let mut reply = Reply::ok().with("name", unit).with("status", status.clone());

        if let Some(masked) = args.bool("masked") {
            let now = self.run(&["is-enabled", unit])?.out().trim() == "masked";
            if now != masked {
                reply.changed = true;
                let action = if masked { "mask" } else { "unmask" };
                if !check {
                    let output = self.run(&[action, unit])?;
                    if !output.success() {
                        // Some versions can mask what is not there; only where they cannot is it missing.
                        let msg = format!("Failed to {action} the service ({unit}): {}", output.err().trim());
                        return Err(if found { ModuleError::msg(msg) } else { missing() });
                    }
                }
            }
        }
        if let Some(wanted) = args.bool("enabled") {
            if !found {
                return Err(missing());
            }
            let output = self.run(&["is-enabled", unit, "-l"])?;
            let out = output.out();
            let enabled = match output.rc {
                0 => !["enabled-runtime", "indirect", "alias"].contains(&out.trim_end()),
                1 => {
                    let by_script = args.need("scope") == "system" && is_script && !out.trim().ends_with("disabled");
                    by_script && sysv::is_enabled(self.cx, unit, None)
                }
                _ => false,
            };
            if enabled != wanted {
                reply.changed = true;
                let action = if wanted { "enable" } else { "disable" };
                if !check {
                    let output = self.run(&[action, unit])?;
                    if !output.success() {
                        let msg = format!("Unable to {action} service {unit}: {}{}", output.out(), output.err());
                        return Err(ModuleError::msg(msg));
                    }
                }
            }
            reply = reply.with("enabled", wanted);
        }
        if let Some(state) = args.text("state") {
            if !found {
                return Err(missing());
            }
            reply = reply.with("state", state);
            let Some(active) = status.get("ActiveState").and_then(Value::as_str) else {
                if self.offline() {
                    self.cx.warn("Target is a chroot or systemd is offline. This can lead to false positives or prevent the init system tools from working.");
                    return Ok(reply);
                }
                return Err(ModuleError::reply(Reply::failure("Service is in unknown state").with("status", status)));
            };
            let running = ["active", "activating"].contains(&active);
            let action = match state {
                "started" if !running => Some("start"),
                "stopped" if running || active == "deactivating" => Some("stop"),
                "started" | "stopped" => None,
                _ if !running => Some("start"),
                other => Some(other.trim_end_matches("ed")),
            };
            if matches!(state, "restarted" | "reloaded") {
                reply = reply.with("state", "started");
            }
            if let Some(action) = action {
                reply.changed = true;
                if !check {
                    let output = self.run(&[action, unit])?;
                    if !output.success() {
                        return Err(ModuleError::msg(format!("Unable to {action} service {unit}: {}", output.err())));
                    }
                }
            }
        }
        Ok(reply)
    }

    /// What systemd says about a unit, and whether it knows it.
    fn look(&self, unit: &str) -> Result<(Map, bool), ModuleError> {
        let shown = self.run(&["show", unit])?;
        let (out, err) = (shown.out(), shown.err());
        let ignored = |text: &str| {
            !text.contains('=') && (text.contains("ignoring request") || text.contains("ignoring command"))
        };
        if shown.success() && !ignored(&out) && !ignored(&err) {
            let status = properties(&out);
            let load = status.get("LoadState").and_then(Value::as_str).unwrap_or("not-found").to_owned();
            let known = load != "not-found";
            if let Some(error) = status.get("LoadError").and_then(Value::as_str).filter(|_| known && load != "masked") {
                return Err(ModuleError::msg(format!("Error loading unit file '{unit}': {error}")));
            }
            return Ok((status, known));
        }
        if shown.rc == 1 && err.contains("Failed to parse bus message") {
            let mut status = properties(&out);
            let base = unit.find('@').map_or(unit, |at| &unit[..=at]);
            let known = self.run(&["list-unit-files", &format!("{base}*")])?.out().contains(base);
            status.insert("ActiveState", self.run(&["is-active", unit])?.out().trim_end());
            return Ok((status, known));
        }
        // In a chroot `show` does not work; the unit files still can be looked at.
        if KNOWN_STATES.contains(&self.run(&["is-enabled", unit])?.out().trim()) {
            return Ok((Map::new(), true));
        }
        if self.run(&["list-unit-files", unit])?.success() {
            return Ok((Map::new(), true));
        }
        let plain = self.run(&[])?;
        if plain.success() {
            return Ok((Map::new(), false));
        }
        let command: Vec<&str> = self.prefix.iter().map(String::as_str).collect();
        Err(tools::failed(&command, &plain))
    }
}

/// The `Key=value` lines of `systemctl show`; values of `Exec...` may go over several lines in braces.
pub(crate) fn properties(text: &str) -> Map {
    let mut found = Map::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((key, value)) = line.split_once('=') else { continue };
        let mut value = value.to_owned();
        if key.starts_with("Exec") && value.trim_start().starts_with('{') {
            while !value.trim_end().ends_with('}') {
                let Some(next) = lines.next() else { break };
                value.push('\n');
                value.push_str(next);
            }
        }
        found.insert(key, value.trim());
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    fn fake(active: &str, enabled: &str) -> Fake {
        let show = format!("Id=x.service\nLoadState=loaded\nActiveState={active}\nExecStart={{ path=/a ;\n b }}\n");
        let rc = i32::from(enabled != "enabled");
        Fake::new().unwrap().on("systemctl show", 0, &show).on("systemctl is-enabled", rc, enabled).on(
            "systemctl",
            0,
            "",
        )
    }

    #[test]
    fn a_running_enabled_unit_stays_as_it_is() {
        let fake = fake("active", "enabled");
        let reply = fake.call("systemd", args([("name", "x"), ("state", "started"), ("enabled", "true")]));
        assert!(!reply.changed && !reply.failed, "{reply:?}");
        assert_eq!(reply.data.get("enabled"), Some(&true.into()));
        assert_eq!(reply.data.get("status").unwrap().get("ExecStart"), Some(&"{ path=/a ;\n b }".into()));
        assert_eq!(fake.command_lines(), ["systemctl show x", "systemctl is-enabled x -l"]);
    }

    #[test]
    fn states_become_actions() {
        for (active, state, action) in [
            ("inactive", "started", Some("start")),
            ("active", "stopped", Some("stop")),
            ("deactivating", "stopped", Some("stop")),
            ("inactive", "stopped", None),
            ("active", "restarted", Some("restart")),
            ("active", "reloaded", Some("reload")),
            ("inactive", "reloaded", Some("start")),
        ] {
            let fake = fake(active, "enabled");
            let reply = fake.call("ansible.builtin.systemd_service", args([("name", "x"), ("state", state)]));
            assert_eq!(reply.changed, action.is_some(), "{active} {state}");
            let last = fake.command_lines().pop().unwrap();
            assert_eq!(last, action.map_or("systemctl show x".to_owned(), |action| format!("systemctl {action} x")));
        }
    }

    #[test]
    fn masking_enabling_and_check_mode() {
        let fake = fake("active", "disabled");
        let reply = fake.check(
            "systemd",
            args([("name", "x"), ("masked", "true"), ("enabled", "true"), ("daemon_reload", "true")]),
        );
        assert!(reply.changed);
        assert_eq!(fake.command_lines(), ["systemctl show x", "systemctl is-enabled x", "systemctl is-enabled x -l"]);
    }

    #[test]
    fn what_is_not_there_fails() {
        let fake = Fake::new().unwrap().on("systemctl show", 0, "LoadState=not-found\nActiveState=inactive\n");
        let reply = fake.call("systemd", args([("name", "nope"), ("state", "started")]));
        assert_eq!(reply.data.get("msg"), Some(&"Could not find the requested service nope: host".into()));
        let reply = fake.call("systemd", args([("name", "a*"), ("state", "started")]));
        assert!(reply.failed);
    }
}
