//! Manages libvirt's virtual machines, through the `virsh` program on the host.
//!
//! Options:
//! - `name` (alias `guest`), `uri` (default `qemu:///system`).
//! - `state`: `running`, `shutdown`, `destroyed`, `paused`; with `command: list_vms` which are listed.
//! - `command`: `create`, `start`, `shutdown`, `destroy`, `pause`, `unpause`, `define` (from `xml`), `undefine`, `status`,
//!   `uuid`, `get_xml`, `get_interfaces`; of the whole host `list_vms`, `info`, `nodeinfo`, `freemem`, `virttype`. `stop` is
//!   refused, as the collection has no such command either.
//! - `xml`; `mutate_flags` (default `[ADD_UUID]`): what `define` adds from the machine as it is: `ADD_UUID`,
//!   `ADD_MAC_ADDRESSES` (of interfaces with the same alias), `ADD_MAC_ADDRESSES_FUZZY` (of the same type and source).
//! - `flags`: what `undefine` removes along: `managed_save`, `snapshots_metadata`, `nvram` or `keep_nvram`,
//!   `checkpoints_metadata`, `delete_volumes`; `force`: all of it.
//! - `autostart`: whether it starts with the host.
//!
//! Returns: what the command is called with what it found; machines by name of `info`; `created`, `change_reason`, `msg`.
//!
//! Check mode: full. Diff: for `define`. The host needs libvirt-clients.
//!
//! Example:
//! ```yaml
//! - community.libvirt.virt:
//!     command: define
//!     xml: "{{ lookup('template', 'node.xml.j2') }}"
//!     autostart: true
//! ```

use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use super::document::{Element, Node};
use super::virsh::{Refusal, Virsh};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `community.libvirt.virt`
pub static MODULE: Module = Module {
    name: "virt",
    collection: "community.libvirt",
    spec: &ArgSpec {
        args: &[
            Arg::text("name").alias(&["guest"]),
            Arg::text("state").choices(&["destroyed", "paused", "running", "shutdown"]),
            Arg::bool("autostart"),
            Arg::text("command").choices(&[
                "create",
                "define",
                "destroy",
                "get_xml",
                "get_interfaces",
                "pause",
                "shutdown",
                "status",
                "start",
                "stop",
                "undefine",
                "unpause",
                "uuid",
                "freemem",
                "info",
                "list_vms",
                "nodeinfo",
                "virttype",
            ]),
            Arg::list("flags").choices(&[
                "managed_save",
                "snapshots_metadata",
                "nvram",
                "keep_nvram",
                "checkpoints_metadata",
                "delete_volumes",
            ]),
            Arg::bool("force"),
            Arg::text("uri").default("qemu:///system"),
            Arg::text("xml"),
            Arg::list("mutate_flags")
                .choices(&["ADD_UUID", "ADD_MAC_ADDRESSES", "ADD_MAC_ADDRESSES_FUZZY"])
                .default("ADD_UUID"),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Partial,
    run,
};

struct Machines<'a, 'b> {
    cx: &'a mut Context<'b>,
    virsh: Virsh,
    args: &'a Args,
}

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let virsh = Virsh::find(cx, args)?;
    let mut machines = Machines { cx, virsh, args };
    let name = args.text("name").filter(|name| !name.is_empty());
    let (state, command) = (args.text("state"), args.text("command"));
    if let (Some(state), Some("list_vms")) = (state, command) {
        let mut names = List::new();
        for (uuid, name) in machines.list()? {
            if machines.status(&uuid)? == state {
                names.push(name);
            }
        }
        return Ok(Reply::ok().with("list_vms", names));
    }
    let mut reply = Reply::ok();
    if let Some(wanted) = args.bool("autostart").filter(|_| command != Some("define")) {
        let name = name.ok_or_else(|| ModuleError::msg("autostart requires 1 argument: name"))?;
        let uuid = machines.find(name)?.ok_or_else(|| ModuleError::msg(format!("domain {name} not found")))?;
        reply.changed = machines.autostart(&uuid, wanted)?;
        if state.is_none() && command.is_none() {
            return Ok(reply);
        }
    }
    if let Some(state) = state {
        let name = name.ok_or_else(|| ModuleError::msg("state change requires a guest specified"))?;
        return machines.reach(reply, name, state);
    }
    match command {
        Some("define") => {
            let defined = machines.define(name)?;
            reply.changed |= defined.changed;
            Ok(Reply { changed: reply.changed, ..defined })
        }
        Some(command) => machines.order(command, name),
        None => Err(ModuleError::msg("expected state or command parameter to be specified")),
    }
}

impl Machines<'_, '_> {
    /// Every machine's UUID and name. A UUID names a machine for `virsh`; a name may be another one's number.
    fn list(&self) -> Result<Vec<(String, String)>, Refusal> {
        let lines = self.virsh.lines(self.cx, &["list", "--all", "--uuid", "--name"])?;
        let pair = |line: &String| {
            let (uuid, name) = line.trim_start().split_once(' ')?;
            Some((uuid.to_owned(), name.trim_start().to_owned()))
        };
        Ok(lines.iter().filter_map(pair).collect())
    }

    fn find(&self, name: &str) -> Result<Option<String>, Refusal> {
        Ok(self.list()?.into_iter().find(|(_, other)| other == name).map(|(uuid, _)| uuid))
    }

    fn need(&self, name: &str) -> Result<String, ModuleError> {
        self.find(name)?.ok_or_else(|| ModuleError::msg(format!("virtual machine {name} not found")))
    }

    /// For what the collection looks up another way.
    fn look_up(&self, name: &str) -> Result<String, ModuleError> {
        let missing = || ModuleError::msg(format!("Domain not found: no domain with matching name '{name}'"));
        self.find(name)?.ok_or_else(missing)
    }

    fn ask(&self, words: &[&str]) -> Result<Value, ModuleError> {
        self.virsh.ask(self.cx, words)?;
        Ok(Value::Int(0))
    }

    fn status(&self, uuid: &str) -> Result<&'static str, Refusal> {
        let state = self.virsh.ask(self.cx, &["domstate", uuid])?;
        Ok(state_name(state.trim()))
    }

    fn autostart(&self, uuid: &str, wanted: bool) -> Result<bool, ModuleError> {
        let now = self.virsh.table(self.cx, &["dominfo", uuid])?.get("Autostart") == "enable";
        if now == wanted {
            return Ok(false);
        }
        if !self.cx.check() {
            self.ask(&["autostart", uuid].into_iter().chain((!wanted).then_some("--disable")).collect::<Vec<_>>())?;
        }
        Ok(true)
    }

    fn reach(&self, mut reply: Reply, name: &str, state: &str) -> Result<Reply, ModuleError> {
        let uuid = self.need(name)?;
        let now = self.status(&uuid)?;
        let verb = match (state, now) {
            ("running", "paused") => "resume",
            ("running", now) if now != "running" => "start",
            ("shutdown", now) if now != "shutdown" => "shutdown",
            ("destroyed", now) if now != "shutdown" => "destroy",
            ("paused", "running") => "suspend",
            _ => return Ok(reply),
        };
        reply.changed = true;
        if !self.cx.check() {
            self.ask(&[verb, &uuid])?;
        }
        Ok(reply.with("msg", 0))
    }

    fn order(&mut self, command: &str, name: Option<&str>) -> Result<Reply, ModuleError> {
        match command {
            "list_vms" => {
                let names: List = self.list()?.into_iter().map(|(_, name)| name).collect();
                return Ok(Reply::ok().with(command, names));
            }
            "info" => return self.info(),
            "nodeinfo" => return self.node(),
            "freemem" => {
                let free = self.virsh.table(self.cx, &["freecell"])?.number("Total");
                return Ok(Reply::ok().with(command, free * 1024));
            }
            "virttype" => {
                let version = self.virsh.table(self.cx, &["version"])?;
                let kind = version.get("Using API").split(' ').next().unwrap_or_default().to_owned();
                return Ok(Reply::ok().with(command, kind));
            }
            _ => {}
        }
        let name = name.ok_or_else(|| ModuleError::msg(format!("{command} requires 1 argument: guest")))?;
        let check = self.cx.check();
        let done = match command {
            "stop" => {
                let msg = "community.libvirt.virt has no command stop that works: use shutdown or destroy";
                return Err(ModuleError::msg(msg));
            }
            "undefine" => return self.undefine(name),
            "status" => self.status(&self.need(name)?)?.into(),
            "uuid" => self.look_up(name)?.into(),
            "get_xml" => self.virsh.ask(self.cx, &["dumpxml", &self.look_up(name)?])?.into(),
            "get_interfaces" => return self.interfaces(name),
            _ if check => Value::Int(0),
            "create" | "start" => self.ask(&["start", &self.need(name)?])?,
            "pause" => self.ask(&["suspend", &self.need(name)?])?,
            "unpause" => self.ask(&["resume", &self.need(name)?])?,
            verb => self.ask(&[verb, &self.need(name)?])?,
        };
        Ok(Reply::ok().with(command, done))
    }

    fn undefine(&mut self, name: &str) -> Result<Reply, ModuleError> {
        const OPTIONS: [(&str, &str); 5] = [
            ("managed_save", "--managed-save"),
            ("snapshots_metadata", "--snapshots-metadata"),
            ("nvram", "--nvram"),
            ("keep_nvram", "--keep-nvram"),
            ("checkpoints_metadata", "--checkpoints-metadata"),
        ];
        let force = self.args.flag("force");
        let given = self.args.get("flags").is_some();
        let flags = self.args.texts("flags");
        if given && force {
            self.cx.warn("Ignoring 'force', because 'flags' are provided.");
        }
        if flags.contains(&"nvram") && flags.contains(&"keep_nvram") {
            return Err(ModuleError::msg("Flags 'nvram' and 'keep_nvram' are mutually exclusive"));
        }
        let all = force && !given;
        if self.cx.check() {
            return Ok(Reply::changed(self.find(name)?.is_some()).with("command", 0));
        }
        let uuid = self.need(name)?;
        if all || flags.contains(&"delete_volumes") {
            self.delete_volumes(&uuid)?;
        }
        let chosen = OPTIONS.iter().filter(|(flag, _)| if all { *flag != "keep_nvram" } else { flags.contains(flag) });
        let words: Vec<&str> = ["undefine", &uuid].into_iter().chain(chosen.map(|(_, option)| *option)).collect();
        self.ask(&words)?;
        Ok(Reply::changed(true).with("command", 0))
    }

    /// Deletes the files that the machine's disks are.
    fn delete_volumes(&self, uuid: &str) -> Result<(), ModuleError> {
        let document = self.document(uuid, &[])?;
        for element in document.descendants() {
            for disk in element.all("disk").filter(|disk| disk.attribute("type") == Some("file")) {
                for path in disk.all("source").filter_map(|source| source.attribute("file")) {
                    self.ask(&["vol-delete", "--", path])?;
                }
            }
        }
        Ok(())
    }

    fn document(&self, uuid: &str, options: &[&str]) -> Result<Element, ModuleError> {
        let words: Vec<&str> = ["dumpxml", uuid].into_iter().chain(options.iter().copied()).collect();
        let xml = self.virsh.ask(self.cx, &words)?;
        Element::read(&xml).map_err(|error| ModuleError::msg(error.to_string()))
    }

    fn interfaces(&self, name: &str) -> Result<Reply, ModuleError> {
        let document = self.document(&self.look_up(name)?, &[])?;
        let mut interfaces = Map::new();
        let all = document.all("devices").flat_map(|devices| devices.all("interface"));
        for (index, interface) in all.enumerate() {
            let kind = interface.attribute("type").unwrap_or_default();
            let (shown, source) = match kind {
                "network" => ("NAT", "network"),
                "direct" => ("macvtap", "dev"),
                "bridge" => ("bridge", "bridge"),
                other => (other, ""),
            };
            let of = |element: &str, attribute: &str| -> Value {
                interface.first(element).and_then(|found| found.attribute(attribute)).map(str::to_owned).into()
            };
            let described = Map::from_iter([
                ("type", Value::from(shown)),
                ("mac", of("mac", "address")),
                ("pci_bus", of("address", "bus")),
                ("source", of("source", source)),
            ]);
            interfaces.insert(format!("interface_{}", index + 1), described);
        }
        Ok(Reply::ok().with("network_interfaces", interfaces))
    }

    fn info(&self) -> Result<Reply, ModuleError> {
        let mut reply = Reply::ok();
        for (uuid, name) in self.list()? {
            let info = self.virsh.table(self.cx, &["dominfo", &uuid])?;
            let time = self.processor_time(&uuid, info.get("CPU time"));
            let machine = Map::from_iter([
                ("state", Value::from(state_name(info.get("State")))),
                ("maxMem", info.number("Max memory").to_string().into()),
                ("memory", info.number("Used memory").to_string().into()),
                ("nrVirtCpu", info.number("CPU(s)").into()),
                ("cpuTime", time.to_string().into()),
                ("autostart", Value::Int(i64::from(info.get("Autostart") == "enable"))),
            ]);
            reply = reply.with(&name, machine);
        }
        Ok(reply)
    }

    /// In nanoseconds; where the driver has no statistics, as exact as `dominfo` shows it.
    fn processor_time(&self, uuid: &str, shown: &str) -> i64 {
        let exact = self.virsh.ask(self.cx, &["domstats", "--cpu-total", "--raw", uuid]).ok();
        let exact = exact.and_then(|stats| {
            stats.lines().find_map(|line| line.trim().strip_prefix("cpu.time=")?.trim().parse().ok())
        });
        exact.unwrap_or_else(|| (shown.trim_end_matches('s').parse().unwrap_or(0.0) * 1e9) as i64)
    }

    fn node(&self) -> Result<Reply, ModuleError> {
        let info = self.virsh.table(self.cx, &["nodeinfo"])?;
        let number = |key: &str| info.number(key).to_string();
        Ok(Reply::ok()
            .with("cpumodel", info.get("CPU model"))
            .with("phymemory", (info.number("Memory size") / 1024).to_string())
            .with("cpus", number("CPU(s)"))
            .with("cpumhz", number("CPU frequency"))
            .with("numanodes", number("NUMA cell(s)"))
            .with("sockets", number("CPU socket(s)"))
            .with("cpucores", number("Core(s) per socket"))
            .with("cputhreads", number("Thread(s) per core")))
    }

    fn define(&mut self, guest: Option<&str>) -> Result<Reply, ModuleError> {
        let xml = self.args.text("xml").filter(|xml| !xml.is_empty());
        let xml = xml.ok_or_else(|| ModuleError::msg("define requires 'xml' argument"))?;
        let mut wanted = Element::read(xml).map_err(|_| ModuleError::msg("given XML is invalid"))?;
        let written = wanted.first("name").map(|name| name.text().unwrap_or_default().to_owned());
        let name = match (written, self.args.text("name")) {
            (Some(written), Some(guest)) if written != guest => {
                return Err(ModuleError::msg("given 'name' parameter does not match name in XML"));
            }
            (Some(written), _) => written,
            (None, Some(guest)) => {
                wanted.add_text("name", guest);
                guest.to_owned()
            }
            (None, None) => {
                return Err(ModuleError::msg("missing 'name' parameter and no name provided in XML"));
            }
        };
        if name.is_empty() {
            return Err(ModuleError::msg("domain name cannot be an empty string"));
        }
        debug_assert!(guest.is_none_or(|guest| guest == name), "compared above");
        let existing = self.find(&name)?;
        let before = match &existing {
            Some(uuid) => Some(self.virsh.ask(self.cx, &["dumpxml", "--inactive", uuid])?),
            None => None,
        };
        let there = before.as_deref().map(Element::read).transpose();
        let there = there.map_err(|error| ModuleError::msg(error.to_string()))?;
        if let (Some(uuid), Some(there)) = (&existing, &there) {
            self.mutate(&mut wanted, there, &name, uuid)?;
        }
        let after = wanted.pretty();
        if self.cx.check() {
            let before = there.map(|there| there.pretty()).unwrap_or_default();
            let changed = before != after;
            let diff = Map::from_iter([("before", before), ("after", after)]);
            let reply = Reply::changed(changed).with("diff", diff);
            return self.with_autostart(reply, existing.as_deref());
        }
        let refused = |Refusal(why): Refusal| ModuleError::msg(format!("libvirtError: {why}"));
        let mut reply = Reply::ok();
        let uuid = if let (Some(uuid), Some(before)) = (existing, before) {
            let words = [format!("define /dev/stdin; dumpxml --inactive {uuid}")];
            let now = self.virsh.ask_with(self.cx, &words, &after).map_err(refused)?;
            if before != now {
                let diff = Map::from_iter([("before", before), ("after", now)]);
                reply = Reply::changed(true).with("change_reason", "domain definition changed").with("diff", diff);
            }
            Some(uuid)
        } else {
            self.virsh.ask_with(self.cx, &["define", "/dev/stdin"], &after).map_err(refused)?;
            reply = Reply::changed(true).with("created", name.as_str());
            self.find(&name)?
        };
        self.with_autostart(reply, uuid.as_deref())
    }

    fn with_autostart(&self, mut reply: Reply, uuid: Option<&str>) -> Result<Reply, ModuleError> {
        if let (Some(wanted), Some(uuid)) = (self.args.bool("autostart"), uuid)
            && self.autostart(uuid, wanted)?
        {
            reply.changed = true;
            reply = reply.with("change_reason", "autostart");
        }
        Ok(reply)
    }

    /// Adds to a definition what the machine already has.
    fn mutate(&mut self, wanted: &mut Element, there: &Element, name: &str, uuid: &str) -> Result<(), ModuleError> {
        let own = wanted.first("uuid").map(|own| own.text().unwrap_or_default().to_owned());
        if let Some(own) = own.as_ref().filter(|own| *own != uuid) {
            return Err(ModuleError::msg(format!(
                "attempting to re-define domain {name}/{uuid} with a different UUID: {own}"
            )));
        }
        let flags: Vec<String> = self.args.texts("mutate_flags").iter().map(|&flag| flag.to_owned()).collect();
        let has = |flag: &str| flags.iter().any(|one| one == flag);
        if has("ADD_UUID") && own.is_none() {
            wanted.add_text("uuid", uuid);
        }
        let mut known: Vec<&Element> =
            there.first("devices").into_iter().flat_map(|devices| devices.all("interface")).collect();
        if has("ADD_MAC_ADDRESSES") {
            for warning in by_alias(wanted, &mut known) {
                self.cx.warn(warning);
            }
        }
        if has("ADD_MAC_ADDRESSES_FUZZY") {
            for warning in by_source(wanted, &known) {
                self.cx.warn(warning);
            }
        }
        Ok(())
    }
}

fn interfaces_mut(wanted: &mut Element) -> impl Iterator<Item = (usize, &mut Element)> {
    let devices = wanted.first_mut("devices").map(|devices| devices.children.iter_mut().enumerate());
    devices.into_iter().flatten().filter_map(|(index, node)| match node {
        Node::Element(element) if element.name == "interface" => Some((index + 1, element)),
        _ => None,
    })
}

fn give_mac(interface: &mut Element, known: &Element) {
    let address = known.first("mac").and_then(|mac| mac.attribute("address")).unwrap_or_default();
    interface.children.push(Node::Element(Element::new("mac", &[("address", address)])));
}

/// Gives interfaces the addresses of those with the same alias; warnings for those that have none.
fn by_alias(wanted: &mut Element, known: &mut Vec<&Element>) -> Vec<String> {
    let alias =
        |interface: &Element| interface.first("alias").and_then(|alias| alias.attribute("name")).map(str::to_owned);
    let mut warnings = Vec::new();
    for (number, interface) in interfaces_mut(wanted) {
        let Some(name) = alias(interface).filter(|_| interface.first("mac").is_none()) else { continue };
        match known.iter().position(|known| alias(known).as_deref() == Some(&name)) {
            Some(at) => give_mac(interface, known.remove(at)),
            None => warnings.push(format!("Could not match interface {number} of incoming XML by alias {name}.")),
        }
    }
    warnings
}

/// Gives interfaces the addresses of those of the same type and source, in their order.
fn by_source(wanted: &mut Element, known: &[&Element]) -> Vec<String> {
    let source_of = |interface: &Element, attribute: &str| {
        interface.first("source").and_then(|source| source.attribute(attribute)).map(str::to_owned)
    };
    let mut warnings = Vec::new();
    let mut seen: Vec<(String, Option<String>)> = Vec::new();
    for (number, interface) in interfaces_mut(wanted) {
        let kind = interface.attribute("type").unwrap_or("None").to_owned();
        let has_mac = interface.first("mac").is_some();
        if has_mac && interface.first("alias").is_some() {
            continue;
        }
        let attribute = match kind.as_str() {
            "network" => Some("network"),
            "bridge" => Some("bridge"),
            "direct" => Some("dev"),
            "user" => None,
            _ => {
                warnings.push(format!(
                    "Skipping fuzzy MAC matching for interface {number} of incoming XML: unsupported interface type '{kind}'."
                ));
                continue;
            }
        };
        let source = attribute.and_then(|attribute| source_of(interface, attribute));
        let nth = seen.iter().filter(|one| **one == (kind.clone(), source.clone())).count();
        seen.push((kind.clone(), source.clone()));
        if has_mac {
            continue;
        }
        let similar = |known: &&&Element| {
            known.attribute("type") == Some(&kind)
                && attribute.is_none_or(|attribute| source_of(known, attribute) == source)
        };
        match known.iter().filter(similar).nth(nth) {
            Some(known) => give_mac(interface, known),
            None => warnings.push(format!("Could not fuzzy match interface {number} of incoming XML.")),
        }
    }
    warnings
}

/// The collection's names for what `virsh` calls states.
fn state_name(state: &str) -> &'static str {
    match state {
        "no state" | "running" | "idle" => "running",
        "paused" => "paused",
        "in shutdown" | "shut off" => "shutdown",
        "crashed" => "crashed",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, args};

    const HAVE: &str = "<domain><devices>\
        <interface type='network'><mac address='m1'/><source network='a'/><alias name='x'/></interface>\
        <interface type='network'><mac address='m2'/><source network='a'/></interface></devices></domain>";

    #[test]
    fn addresses_are_taken_over() {
        let have = Element::read(HAVE).unwrap();
        let known: Vec<&Element> = have.first("devices").unwrap().all("interface").collect();
        let incoming = "<domain><devices><interface type='network'><source network='a'/></interface>\
            <interface type='network'><source network='a'/></interface><interface type='network'><source network='a'/></interface>\
            <interface type='mcast'/></devices></domain>";
        let mut wanted = Element::read(incoming).unwrap();
        let warnings = by_source(&mut wanted, &known);
        let macs: Vec<Option<&str>> = wanted
            .first("devices")
            .unwrap()
            .all("interface")
            .map(|interface| interface.first("mac").and_then(|mac| mac.attribute("address")))
            .collect();
        assert_eq!(macs, [Some("m1"), Some("m2"), None, None]);
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        let mut wanted = Element::read("<d><devices><interface><alias name='x'/></interface><interface><alias name='y'/></interface></devices></d>").unwrap();
        let warnings = by_alias(&mut wanted, &mut known.clone());
        assert_eq!(warnings, ["Could not match interface 2 of incoming XML by alias y."]);
        assert!(wanted.pretty().contains("<mac address=\"m1\"/>"));
    }

    #[test]
    fn machines_are_known_by_uuid() {
        let fake = Fake::new()
            .unwrap()
            .on("virsh -q -c qemu:///system list", 0, "u-1 1\nu-2 a b\n")
            .on("virsh -q -c qemu:///system domstate", 0, "paused\n\n")
            .on("virsh -q -c qemu:///system resume", 0, "");
        let reply = fake.call("virt", args([("name", "a b"), ("state", "running")]));
        assert!(reply.changed, "{reply:?}");
        assert_eq!(fake.command_lines().pop().unwrap(), "virsh -q -c qemu:///system resume u-2");
        let reply = fake.call("virt", args([("name", "c"), ("state", "running")]));
        assert_eq!(reply.data.get("msg").unwrap().as_str(), Some("virtual machine c not found"));
    }

    #[test]
    fn force_removes_what_belongs_to_a_machine() {
        let fake = Fake::new()
            .unwrap()
            .on("virsh -q -c qemu:///system list", 0, "u-1 a\n")
            .on(
                "virsh -q -c qemu:///system dumpxml",
                0,
                "<domain><devices><disk type='file'><source file='/v'/></disk></devices></domain>",
            )
            .on("virsh -q -c qemu:///system", 0, "");
        assert!(fake.call("virt", args([("name", "a"), ("command", "undefine"), ("force", "true")])).changed);
        let lines = fake.command_lines();
        assert!(lines.contains(&"virsh -q -c qemu:///system vol-delete -- /v".to_owned()), "{lines:?}");
        assert!(
            lines
                .last()
                .unwrap()
                .ends_with("undefine u-1 --managed-save --snapshots-metadata --nvram --checkpoints-metadata")
        );
    }
}
