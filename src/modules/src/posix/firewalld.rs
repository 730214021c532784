//! Manages firewalld by `firewall-cmd`.
//!
//! Options:
//! - `state` (required): `enabled`/`present`, `disabled`/`absent`; `permanent`, `immediate`: for later, for now.
//! - One of `service`, `port` (`8080/tcp`), `source`, `rich_rule`, `interface`, `masquerade`, `icmp_block`, `protocol`,
//!   `forward`, `icmp_block_inversion`; or a `zone` alone, to make or delete it. `zone`: the default zone when not given.
//! - `target` of a zone, `timeout` (seconds, for what is not permanent), `offline`: change the files while firewalld is not running.
//! - Not supported: `port_forward` (use a `rich_rule`).
//!
//! Returns: `msg`.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - ansible.posix.firewalld:
//!     port: 6789/tcp
//!     zone: public
//!     permanent: true
//!     immediate: true
//!     state: enabled
//! ```

use rplay_protocol::Reply;

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support, tools};

/// `ansible.posix.firewalld`
pub static MODULE: Module = Module {
    name: "firewalld",
    collection: "ansible.posix",
    spec: &ArgSpec {
        args: &[
            Arg::text("icmp_block"),
            Arg::text("icmp_block_inversion"),
            Arg::text("service"),
            Arg::text("protocol"),
            Arg::text("port"),
            Arg::list("port_forward"),
            Arg::text("rich_rule"),
            Arg::text("source"),
            Arg::text("interface"),
            Arg::text("masquerade"),
            Arg::text("forward"),
            Arg::text("zone"),
            Arg::bool("immediate").default("false"),
            Arg::bool("permanent"),
            Arg::text("state").required().choices(&["absent", "disabled", "enabled", "present"]),
            Arg::int("timeout").default("0"),
            Arg::bool("offline").default("false"),
            Arg::text("target").choices(&["default", "ACCEPT", "DROP", "%%REJECT%%"]),
        ],
        exclusive: &[&[
            "icmp_block",
            "icmp_block_inversion",
            "service",
            "protocol",
            "port",
            "port_forward",
            "rich_rule",
            "source",
            "interface",
            "masquerade",
            "forward",
            "target",
        ]],
        required_by: &[("target", &["zone"]), ("interface", &["zone"]), ("source", &["permanent"])],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

/// Options that name something a zone has, and what firewall-cmd calls it.
const THINGS: &[(&str, &str)] = &[
    ("service", "service"),
    ("port", "port"),
    ("source", "source"),
    ("rich_rule", "rich-rule"),
    ("interface", "interface"),
    ("icmp_block", "icmp-block"),
    ("protocol", "protocol"),
];

/// Options that turn something of a zone on.
const SWITCHES: &[(&str, &str)] =
    &[("masquerade", "masquerade"), ("forward", "forward"), ("icmp_block_inversion", "icmp-block-inversion")];

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    if args.list("port_forward").is_some_and(|list| !list.is_empty()) {
        return Err(ModuleError::msg("port_forward is not supported: use a rich_rule with forward-port"));
    }
    let mut immediate = args.flag("immediate");
    let mut permanent = args.bool("permanent").unwrap_or(false);
    if args.bool("permanent") == Some(false) && !immediate {
        immediate = true;
    }
    if !permanent && !immediate {
        // With neither said, what is changed is what runs.
        immediate = true;
    }
    let program = tools::find(cx, "firewall-cmd")
        .ok_or_else(|| ModuleError::msg("firewalld is not installed: firewall-cmd was not found on the target"))?;
    let running = tools::run(cx, &[program.as_str(), "--state"])?.success();
    let mut prefix = vec![program];
    if !running {
        if !args.flag("offline") {
            return Err(ModuleError::msg(
                "firewall is not currently running, unable to perform immediate actions without a running firewall daemon",
            ));
        }
        prefix = vec![tools::need(cx, "firewall-offline-cmd")?];
        (immediate, permanent) = (false, true);
    }
    let wanted = matches!(args.need("state"), "enabled" | "present");
    let mut firewall = Firewall { cx, prefix, zone: String::new(), offline: !running };
    firewall.zone = match args.text("zone") {
        Some(zone) => zone.to_owned(),
        None => firewall.ask(false, &["--get-default-zone"])?.1.trim().to_owned(),
    };
    let change = Firewall::change(args)?;
    let (changed, msg) = match change {
        Some((name, value)) => firewall.thing(args, &name, value.as_deref(), wanted, (permanent, immediate))?,
        None => firewall.zone_itself(args, wanted, permanent && !immediate)?,
    };
    Ok(Reply::changed(changed).with("msg", msg))
}

struct Firewall<'a, 'c> {
    cx: &'a Context<'c>,
    prefix: Vec<String>,
    zone: String,
    offline: bool,
}

impl Firewall<'_, '_> {
    /// firewall-cmd's name of what to change, and its value; `None` for the zone itself.
    fn change(args: &Args) -> Result<Option<(String, Option<String>)>, ModuleError> {
        for (option, name) in THINGS {
            if let Some(value) = args.text(option) {
                if *option == "port" && !value.contains('/') {
                    return Err(ModuleError::msg("improper port format (missing protocol?)"));
                }
                return Ok(Some(((*name).to_owned(), Some(value.to_owned()))));
            }
        }
        Ok(SWITCHES.iter().find(|(option, _)| args.get(option).is_some()).map(|(_, name)| ((*name).to_owned(), None)))
    }

    fn ask(&self, permanent: bool, words: &[&str]) -> Result<(bool, String), ModuleError> {
        let mut argv = self.prefix.clone();
        if permanent && !self.offline {
            argv.push("--permanent".to_owned());
        }
        argv.extend(words.iter().map(|word| (*word).to_owned()));
        let output = tools::run(self.cx, &argv)?;
        Ok((output.success(), format!("{}{}", output.out(), output.err())))
    }

    fn tell(&self, permanent: bool, words: &[&str]) -> Result<(), ModuleError> {
        match self.ask(permanent, words)? {
            (true, _) => Ok(()),
            (false, said) => Err(ModuleError::msg(format!("ERROR: Exception caught: {}", said.trim()))),
        }
    }

    fn thing(
        &self,
        args: &Args,
        name: &str,
        value: Option<&str>,
        wanted: bool,
        (permanent, immediate): (bool, bool),
    ) -> Result<(bool, String), ModuleError> {
        let zone = format!("--zone={}", self.zone);
        // A switch that is turned on with `masquerade: no` is turned off.
        let no = SWITCHES.iter().any(|(option, switch)| {
            *switch == name && matches!(args.text(option), Some("no" | "false" | "False" | "No"))
        });
        let wanted = wanted != no;
        let word =
            |verb: &str| value.map_or_else(|| format!("--{verb}-{name}"), |value| format!("--{verb}-{name}={value}"));
        let mut said = Vec::new();
        for (store, kind) in [(permanent, true), (immediate, false)] {
            if !store {
                continue;
            }
            said.push(if kind { "Permanent" } else { "Non-permanent" });
            let (there, text) = self.ask(kind, &[&zone, &word("query")])?;
            if !there && text.contains("INVALID_ZONE") {
                return Err(ModuleError::msg(format!("ERROR: Exception caught: {}", text.trim())));
            }
            if there == wanted {
                continue;
            }
            let mut words = vec![zone.clone(), word(if wanted { "add" } else { "remove" })];
            if let Some(seconds) = args.int("timeout").filter(|seconds| *seconds > 0 && !kind && wanted) {
                words.push(format!("--timeout={seconds}"));
            }
            if !self.cx.check() {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                self.tell(kind, &words)?;
            }
            said.push("changed");
        }
        let changed = said.contains(&"changed");
        let kinds: Vec<&str> = said.iter().filter(|word| **word != "changed").copied().collect();
        let mut msg = format!("{} operation", kinds.join(" and "));
        if changed {
            let to = if wanted { "enabled" } else { "disabled" };
            msg = format!("{msg}, Changed {name} {} to {to}", value.unwrap_or_default()).replace("  ", " ");
        }
        Ok((changed, msg))
    }

    /// Makes or deletes the zone, or sets its target.
    fn zone_itself(&self, args: &Args, wanted: bool, permanent_only: bool) -> Result<(bool, String), ModuleError> {
        if args.get("zone").is_none() {
            return Err(ModuleError::msg(
                "one of icmp_block, service, port, rich_rule, source, interface, masquerade, forward, protocol or zone is required",
            ));
        }
        if !permanent_only && !self.offline {
            return Err(ModuleError::msg(
                "Zone operations must be permanent. Make sure you didn't set the 'permanent' flag to 'false' or the 'immediate' flag to 'true'.",
            ));
        }
        let zones = self.ask(true, &["--get-zones"])?.1;
        let there = zones.split_whitespace().any(|zone| zone == self.zone);
        let zone = format!("--zone={}", self.zone);
        if let Some(target) = args.text("target").filter(|_| there) {
            let target = if wanted { target } else { "default" };
            let now = self.ask(true, &[&zone, "--get-target"])?.1;
            let changed = now.trim() != target;
            if changed && !self.cx.check() {
                self.tell(true, &[&zone, &format!("--set-target={target}")])?;
            }
            return Ok((changed, format!("Permanent operation, target of zone {} is {target}", self.zone)));
        }
        if there != wanted && !self.cx.check() {
            let verb = if wanted { "new" } else { "delete" };
            self.tell(true, &[&format!("--{verb}-zone={}", self.zone)])?;
        }
        let to = if wanted { "Added" } else { "Removed" };
        Ok((there != wanted, format!("Permanent operation, {to} zone {}", self.zone)))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn a_port_for_now_and_later() {
        let fake = Fake::new()
            .unwrap()
            .on("firewall-cmd --zone=public --query-port", 1, "no")
            .on("firewall-cmd --permanent --zone=public --query-port", 0, "yes")
            .on("firewall-cmd", 0, "");
        let entries = [
            ("port", "6789/tcp"),
            ("zone", "public"),
            ("permanent", "yes"),
            ("immediate", "yes"),
            ("state", "enabled"),
        ];
        let reply = fake.call("ansible.posix.firewalld", args(entries));
        assert!(reply.changed && !reply.failed, "{reply:?}");
        assert_eq!(fake.command_lines().last().unwrap(), "firewall-cmd --zone=public --add-port=6789/tcp");
        assert_eq!(fake.command_lines().len(), 4);
        let msg = "Permanent and Non-permanent operation, Changed port 6789/tcp to enabled";
        assert_eq!(reply.data.get("msg"), Some(&msg.into()));
        assert!(fake.call("firewalld", args([("port", "1"), ("state", "enabled")])).failed);
    }

    #[test]
    fn without_firewalld_it_says_so() {
        let reply = Fake::new().unwrap().call("firewalld", args([("service", "http"), ("state", "enabled")]));
        assert!(reply.data.get("msg").unwrap().as_str().unwrap().contains("not installed"));
        let fake = Fake::new().unwrap().on("firewall-cmd", 252, "not running");
        assert!(fake.call("firewalld", args([("service", "http"), ("state", "enabled")])).failed);
    }
}
