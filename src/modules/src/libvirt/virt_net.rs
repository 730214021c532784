//! Manages libvirt's networks, through the `virsh` program on the host.
//!
//! Options:
//! - `name` (alias `network`), `xml`, `uri` (default `qemu:///system`).
//! - `state`: `active`, `inactive`, `present` (defined, from `xml`), `absent`; with `command: list_nets` which are listed.
//! - `command`: `create`, `start`, `stop`, `destroy`, `define`, `undefine`, `modify` (adds or changes a `host` of DHCP),
//!   `status`, `get_xml`; of the whole host `list_nets`, `facts`, `info`.
//! - `autostart`: whether it starts with the host.
//!
//! Returns: what the command is called with what it found; `networks` of `info`, `ansible_libvirt_networks` of `facts`;
//! `created`, `modified`, `msg`.
//!
//! Check mode: full. Diff: none. The host needs libvirt-clients.
//!
//! Example:
//! ```yaml
//! - community.libvirt.virt_net:
//!     name: lab
//!     state: present
//!     xml: "{{ lookup('template', 'lab.xml.j2') }}"
//! ```

use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use super::document::Element;
use super::virsh::{Refusal, Stop, Virsh};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `community.libvirt.virt_net`
pub static MODULE: Module = Module {
    name: "virt_net",
    collection: "community.libvirt",
    spec: &ArgSpec {
        args: &[
            Arg::text("name").alias(&["network"]),
            Arg::text("state").choices(&["active", "inactive", "present", "absent"]),
            Arg::text("command").choices(&[
                "create",
                "status",
                "start",
                "stop",
                "undefine",
                "destroy",
                "get_xml",
                "define",
                "modify",
                "list_nets",
                "facts",
                "info",
            ]),
            Arg::text("uri").default("qemu:///system"),
            Arg::text("xml"),
            Arg::bool("autostart"),
        ],
        required_if: &[
            ("command", "create", &["name"]),
            ("command", "status", &["name"]),
            ("command", "start", &["name"]),
            ("command", "stop", &["name"]),
            ("command", "undefine", &["name"]),
            ("command", "destroy", &["name"]),
            ("command", "get_xml", &["name"]),
            ("command", "define", &["name"]),
            ("command", "modify", &["name"]),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let virsh = Virsh::find(cx, args)?;
    virsh.connect(cx)?;
    Stop::settle(Networks { cx, virsh }.work(args))
}

struct Networks<'a, 'b> {
    cx: &'a mut Context<'b>,
    virsh: Virsh,
}

impl Networks<'_, '_> {
    fn work(&mut self, args: &Args) -> Result<Reply, Stop> {
        let name = args.text("name").filter(|name| !name.is_empty());
        let (state, command) = (args.text("state"), args.text("command"));
        if let (Some(state), Some("list_nets")) = (state, command) {
            let list = self.list()?;
            let some: List = list.into_iter().filter(|(_, is)| *is == state).map(|(name, _)| name).collect();
            return Ok(Reply::ok().with("list_nets", some));
        }
        if let Some(state) = state {
            let name = name.ok_or_else(|| Stop::msg("state change requires a specified name"))?;
            return self.reach(name, state, args.text("xml"));
        }
        if let Some(command) = command {
            return self.order(command, name, args.text("xml"));
        }
        if let Some(wanted) = args.bool("autostart") {
            let name = name.ok_or_else(|| Stop::msg("state change requires a specified name"))?;
            return self.autostart(name, wanted);
        }
        Err(Stop::msg("expected state or command parameter to be specified"))
    }

    /// Every network, those that are active first.
    fn list(&self) -> Result<Vec<(String, &'static str)>, Stop> {
        let mut all = Vec::new();
        for (state, option) in [("active", None), ("inactive", Some("--inactive"))] {
            let words: Vec<&str> = ["net-list", "--name"].into_iter().chain(option).collect();
            all.extend(self.virsh.lines(self.cx, &words)?.into_iter().map(|name| (name, state)));
        }
        Ok(all)
    }

    fn exists(&self, name: &str) -> Result<bool, Stop> {
        match self.virsh.ask(self.cx, &["net-uuid", "--", name]) {
            Ok(_) => Ok(true),
            Err(Refusal(why)) if why.contains("not found") || why.contains("failed to get network") => Ok(false),
            Err(refusal) => Err(refusal.into()),
        }
    }

    fn need(&self, name: &str) -> Result<(), Stop> {
        if self.exists(name)? { Ok(()) } else { Err(Stop::msg(format!("network {name} not found"))) }
    }

    fn status(&self, name: &str) -> Result<&'static str, Stop> {
        if let Some((_, state)) = self.list()?.into_iter().find(|(other, _)| other == name) {
            return Ok(state);
        }
        if self.cx.check() { Ok("unknown") } else { Err(Stop::msg(format!("network {name} not found"))) }
    }

    fn ask(&self, words: &[&str]) -> Result<Value, Stop> {
        self.virsh.ask(self.cx, words)?;
        Ok(Value::Int(0))
    }

    fn start(&self, name: &str) -> Result<Value, Stop> {
        if self.status(name)? == "active" {
            return Ok(Value::Null);
        }
        if self.cx.check() {
            return Err(Stop::would_change());
        }
        self.ask(&["net-start", "--", name])
    }

    fn stop(&self, name: &str) -> Result<Value, Stop> {
        if self.status(name)? != "active" {
            return Ok(Value::Null);
        }
        if self.cx.check() {
            return Err(Stop::would_change());
        }
        self.ask(&["net-destroy", "--", name])
    }

    fn undefine(&self, name: &str) -> Result<Value, Stop> {
        if !self.exists(name)? {
            return if self.cx.check() { Err(Stop::With(Reply::ok())) } else { Ok(Value::Null) };
        }
        if self.cx.check() {
            return Ok(Value::Int(0));
        }
        self.ask(&["net-undefine", "--", name])
    }

    fn define(&self, xml: &str) -> Result<(), Stop> {
        if self.cx.check() {
            return Err(Stop::would_change());
        }
        self.virsh.ask_with(self.cx, &["net-define", "/dev/stdin"], xml)?;
        Ok(())
    }

    fn reach(&mut self, name: &str, state: &str, xml: Option<&str>) -> Result<Reply, Stop> {
        let xml = xml.filter(|xml| !xml.is_empty());
        match state {
            "active" if self.status(name)? != "active" => {
                let msg = self.start(name)?;
                Ok(Reply::changed(true).with("msg", msg))
            }
            "present" if !self.exists(name)? => {
                let missing = || Stop::msg(format!("network '{name}' not present, but xml not specified"));
                self.define(xml.ok_or_else(missing)?)?;
                Ok(Reply::changed(true).with("created", name))
            }
            "inactive" | "absent" if self.list()?.iter().any(|(other, _)| other == name) => {
                let active = self.status(name)? != "inactive";
                let mut msg = if active { self.stop(name)? } else { Value::Null };
                if state == "absent" {
                    msg = self.undefine(name)?;
                } else if !active {
                    return Ok(Reply::ok());
                }
                Ok(Reply::changed(true).with("msg", msg))
            }
            _ => Ok(Reply::ok()),
        }
    }

    fn order(&mut self, command: &str, name: Option<&str>, xml: Option<&str>) -> Result<Reply, Stop> {
        let all = |name: Option<&str>| match name {
            Some(name) => Ok(vec![name.to_owned()]),
            None => self.list().map(|list| list.into_iter().map(|(name, _)| name).collect()),
        };
        match command {
            "list_nets" => return Ok(Reply::ok().with("list_nets", all(None)?)),
            "info" => return Ok(Reply::ok().with("networks", self.describe(&all(None)?)?)),
            "facts" => {
                let networks = self.describe(&all(name)?)?;
                let facts = Map::from_iter([("ansible_libvirt_networks", networks)]);
                return Ok(Reply::ok().with("ansible_facts", facts));
            }
            _ => {}
        }
        let name = name.ok_or_else(|| Stop::msg(format!("{command} requires 1 argument: name")))?;
        if matches!(command, "define" | "modify") {
            let missing = || Stop::msg(format!("{command} requires xml argument"));
            let xml = xml.filter(|xml| !xml.is_empty()).ok_or_else(missing)?;
            if !self.exists(name)? {
                self.define(xml)?;
                return Ok(Reply::changed(true).with("created", name));
            }
            if command == "define" {
                return Ok(Reply::ok());
            }
            return Ok(Reply::changed(self.modify(name, xml)?).with("modified", name));
        }
        let answer = match command {
            "create" | "start" => self.start(name)?,
            "stop" | "destroy" => self.stop(name)?,
            "undefine" => self.undefine(name)?,
            "status" => self.status(name)?.into(),
            _ => self.xml(name)?.into(),
        };
        Ok(Reply::ok().with(command, answer))
    }

    fn xml(&self, name: &str) -> Result<String, Stop> {
        self.need(name)?;
        Ok(self.virsh.ask(self.cx, &["net-dumpxml", "--", name])?)
    }

    fn document(&self, name: &str) -> Result<Element, Stop> {
        Element::read(&self.xml(name)?).map_err(|error| Stop::msg(error.to_string()))
    }

    /// Adds or changes a host that gets its address by DHCP.
    fn modify(&self, name: &str, xml: &str) -> Result<bool, Stop> {
        let wanted = Element::read(xml).map_err(|error| Stop::msg(error.to_string()))?;
        let network = self.document(name)?;
        if wanted.name != "host" {
            return Err(Stop::msg(format!("updating this is not supported yet {xml}")));
        }
        let hosts = network.all("ip").flat_map(|ip| ip.all("dhcp")).flat_map(|dhcp| dhcp.all("host"));
        let known = hosts.into_iter().find(|host| host.attribute("mac") == wanted.attribute("mac"));
        let verb = match known {
            None => "add-last",
            Some(host) if ["name", "ip"].iter().all(|key| host.attribute(key) == wanted.attribute(key)) => {
                return Ok(false);
            }
            Some(_) => "modify",
        };
        if !self.cx.check() {
            let live = (self.status(name)? == "active").then_some("--live");
            let words = ["net-update", name, verb, "ip-dhcp-host", "/dev/stdin", "--config"];
            let words: Vec<&str> = words.into_iter().chain(live).collect();
            self.virsh.ask_with(self.cx, &words, xml)?;
        }
        Ok(true)
    }

    fn autostart(&self, name: &str, wanted: bool) -> Result<Reply, Stop> {
        if !self.exists(name)? {
            return Err(if self.cx.check() {
                Stop::would_change()
            } else {
                Stop::msg(format!("network {name} not found"))
            });
        }
        let now = self.virsh.table(self.cx, &["net-info", "--", name])?.get("Autostart") == "yes";
        if now == wanted {
            return Ok(Reply::ok());
        }
        if self.cx.check() {
            return Err(Stop::would_change());
        }
        let words = ["net-autostart", name];
        let words: Vec<&str> = words.into_iter().chain((!wanted).then_some("--disable")).collect();
        Ok(Reply::changed(true).with("msg", self.ask(&words)?))
    }

    fn describe(&self, names: &[String]) -> Result<Map, Stop> {
        let mut networks = Map::new();
        for name in names {
            self.need(name)?;
            let info = self.virsh.table(self.cx, &["net-info", "--", name])?;
            let state = if info.get("Active") == "yes" { "active" } else { "inactive" };
            let mut network = Map::from_iter([
                ("autostart", Value::from(info.get("Autostart"))),
                ("persistent", info.get("Persistent").into()),
                ("state", state.into()),
                ("bridge", info.get("Bridge").into()),
                ("uuid", info.get("UUID").into()),
                ("dhcp_leases", self.leases(name, info.get("Bridge"))?.into()),
            ]);
            let document = self.document(name)?;
            for (key, element, attribute) in
                [("forward_mode", "forward", "mode"), ("domain", "domain", "name"), ("macaddress", "mac", "address")]
            {
                if let Some(found) = document.first(element) {
                    network.insert(key, found.attribute(attribute).map(str::to_owned));
                }
            }
            networks.insert(name.as_str(), network);
        }
        Ok(networks)
    }

    fn leases(&self, name: &str, bridge: &str) -> Result<List, Stop> {
        let lines = self.virsh.lines(self.cx, &["net-dhcp-leases", "--", name])?;
        Ok(lines.iter().filter_map(|line| lease(line, bridge)).collect())
    }
}

/// A line of virsh's table: date, time, MAC address, protocol, address, host name, client.
fn lease(line: &str, bridge: &str) -> Option<Map> {
    let mut words = line.split_whitespace();
    let (date, time, mac) = (words.next()?, words.next()?, words.next()?);
    let (protocol, address, host, client) = (words.next()?, words.next()?, words.next(), words.next());
    let (address, prefix) = address.split_once('/')?;
    let given = |word: Option<&str>| word.filter(|word| *word != "-").map(str::to_owned);
    // virsh writes the host's own time.
    let when: jiff::civil::DateTime = format!("{date}T{time}").parse().ok()?;
    let when = when.to_zoned(jiff::tz::TimeZone::system()).ok()?.timestamp().as_second();
    Some(Map::from_iter([
        ("iface", Value::from(bridge)),
        ("expirytime", when.into()),
        ("type", Value::Int(i64::from(protocol == "ipv6"))),
        ("mac", mac.into()),
        ("iaid", Value::Null),
        ("ipaddr", address.into()),
        ("prefix", prefix.parse::<i64>().ok()?.into()),
        ("hostname", given(host).into()),
        ("clientid", given(client).into()),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, args};

    #[test]
    fn leases_are_read() {
        let line = " 2026-11-20 10:00:00   52:54:00:00:00:01   ipv4   192.168.1.5/24   node1   -";
        let lease = lease(line, "virbr0").unwrap();
        assert_eq!(lease.get("ipaddr"), Some(&"192.168.1.5".into()));
        assert_eq!(lease.get("prefix"), Some(&Value::Int(24)));
        assert_eq!(lease.get("clientid"), Some(&Value::Null));
        assert!(super::lease("----", "x").is_none());
    }

    #[test]
    fn a_host_of_dhcp_is_added_changed_or_left() {
        let xml = "<network><ip><dhcp><host mac='m1' name='a' ip='1'/></dhcp></ip></network>";
        let fake = || {
            let fake = Fake::new().unwrap().on("virsh", 0, "").on("virsh -q -c qemu:///system net-dumpxml", 0, xml);
            fake.on("virsh -q -c qemu:///system net-list --name", 0, "n\n")
        };
        let modify = |host: &str| {
            let fake = fake();
            let reply = fake.call("virt_net", args([("name", "n"), ("command", "modify"), ("xml", host)]));
            assert!(!reply.failed, "{reply:?}");
            (reply.changed, fake.command_lines().pop().unwrap())
        };
        assert!(!modify("<host mac='m1' name='a' ip='1'/>").0);
        let (changed, last) = modify("<host mac='m1' name='a' ip='2'/>");
        assert!(changed);
        assert_eq!(last, "virsh -q -c qemu:///system net-update n modify ip-dhcp-host /dev/stdin --config --live");
        assert!(modify("<host mac='m2'/>").1.contains("add-last"));
        let reply = fake().call("virt_net", args([("name", "n"), ("command", "modify"), ("xml", "<x/>")]));
        assert_eq!(reply.data.get("msg").unwrap().as_str(), Some("updating this is not supported yet <x/>"));
    }

    #[test]
    fn check_mode_removes_nothing() {
        let fake = Fake::new().unwrap().on("virsh", 0, "").on(
            "virsh -q -c qemu:///system net-list --name --inactive",
            0,
            "n\n",
        );
        assert!(fake.check("virt_net", args([("name", "n"), ("state", "absent")])).changed);
        assert!(fake.command_lines().iter().all(|line| !line.contains("undefine")));
    }
}
