//! Manages libvirt's storage pools, through the `virsh` program on the host.
//!
//! Options:
//! - `name` (alias `pool`), `xml`, `uri` (default `qemu:///system`).
//! - `state`: `active`, `inactive`, `present` (defined, from `xml`), `absent`, `undefined`, `deleted` (with what it holds);
//!   with `command: list_pools` which are listed.
//! - `command`: `create`, `start`, `stop`, `destroy`, `build`, `delete`, `define`, `undefine`, `refresh`, `status`,
//!   `get_xml`; of the whole host `list_pools`, `facts`, `info`.
//! - `mode`: how it is built (`new`, `no_overwrite`, `overwrite`) or deleted (`normal`). virsh cannot be asked for
//!   `repair`, `resize` and `zeroed`: they are refused.
//! - `autostart`: whether it starts with the host.
//!
//! Returns: what the command is called with what it found; `pools` of `info`, `ansible_libvirt_pools` of `facts`;
//! `created`, `msg`.
//!
//! Check mode: full. Diff: none. The host needs libvirt-clients.
//!
//! Example:
//! ```yaml
//! - community.libvirt.virt_pool:
//!     name: images
//!     state: active
//! ```

use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use super::document::Element;
use super::virsh::{Stop, Virsh};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `community.libvirt.virt_pool`
pub static MODULE: Module = Module {
    name: "virt_pool",
    collection: "community.libvirt",
    spec: &ArgSpec {
        args: &[
            Arg::text("name").alias(&["pool"]),
            Arg::text("state").choices(&["active", "inactive", "present", "absent", "undefined", "deleted"]),
            Arg::text("command").choices(&[
                "create",
                "status",
                "start",
                "stop",
                "build",
                "delete",
                "undefine",
                "destroy",
                "get_xml",
                "define",
                "refresh",
                "list_pools",
                "facts",
                "info",
            ]),
            Arg::text("uri").default("qemu:///system"),
            Arg::text("xml"),
            Arg::bool("autostart"),
            Arg::text("mode").choices(&["new", "repair", "resize", "no_overwrite", "overwrite", "normal", "zeroed"]),
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
    Stop::settle(Pools { cx, virsh, mode: args.text("mode") }.work(args))
}

struct Pools<'a, 'b> {
    cx: &'a mut Context<'b>,
    virsh: Virsh,
    mode: Option<&'a str>,
}

impl Pools<'_, '_> {
    fn work(&mut self, args: &Args) -> Result<Reply, Stop> {
        let name = args.text("name").filter(|name| !name.is_empty());
        let (state, command) = (args.text("state"), args.text("command"));
        let xml = args.text("xml").filter(|xml| !xml.is_empty());
        if let (Some(state), Some("list_pools")) = (state, command) {
            let list = self.list()?;
            let some: List = list.into_iter().filter(|(_, is)| *is == state).map(|(name, _)| name).collect();
            return Ok(Reply::ok().with("list_pools", some));
        }
        if let Some(state) = state {
            let name = name.ok_or_else(|| Stop::msg("state change requires a specified name"))?;
            return self.reach(name, state, xml);
        }
        if let Some(command) = command {
            return self.order(command, name, xml);
        }
        if let Some(wanted) = args.bool("autostart") {
            let name = name.ok_or_else(|| Stop::msg("state change requires a specified name"))?;
            return self.autostart(name, wanted);
        }
        Err(Stop::msg("expected state or command parameter to be specified"))
    }

    fn list(&self) -> Result<Vec<(String, &'static str)>, Stop> {
        let mut all = Vec::new();
        for (state, option) in [("active", None), ("inactive", Some("--inactive"))] {
            let words: Vec<&str> = ["pool-list", "--name"].into_iter().chain(option).collect();
            all.extend(self.virsh.lines(self.cx, &words)?.into_iter().map(|name| (name, state)));
        }
        Ok(all)
    }

    fn state_of(&self, name: &str) -> Result<Option<&'static str>, Stop> {
        Ok(self.list()?.into_iter().find(|(other, _)| other == name).map(|(_, state)| state))
    }

    fn need(&self, name: &str) -> Result<&'static str, Stop> {
        self.state_of(name)?.ok_or_else(|| Stop::msg(format!("storage pool {name} not found")))
    }

    fn status(&self, name: &str) -> Result<&'static str, Stop> {
        if self.cx.check() { Ok(self.state_of(name)?.unwrap_or("unknown")) } else { self.need(name) }
    }

    fn ask(&self, words: &[&str]) -> Result<Value, Stop> {
        self.virsh.ask(self.cx, words)?;
        Ok(Value::Int(0))
    }

    fn start(&self, name: &str) -> Result<Value, Stop> {
        if self.cx.check() {
            return if self.state_of(name)? == Some("active") { Ok(Value::Null) } else { Err(Stop::would_change()) };
        }
        self.need(name)?;
        self.ask(&["pool-start", "--", name])
    }

    fn stop(&self, name: &str) -> Result<Value, Stop> {
        let state = self.need(name)?;
        if self.cx.check() {
            return if state == "active" { Err(Stop::would_change()) } else { Ok(Value::Null) };
        }
        self.ask(&["pool-destroy", "--", name])
    }

    fn undefine(&self, name: &str) -> Result<Value, Stop> {
        self.need(name)?;
        if self.cx.check() { Ok(Value::Null) } else { self.ask(&["pool-undefine", "--", name]) }
    }

    fn define(&self, xml: &str) -> Result<(), Stop> {
        if self.cx.check() {
            return Err(Stop::would_change());
        }
        self.virsh.ask_with(self.cx, &["pool-define", "/dev/stdin"], xml)?;
        Ok(())
    }

    fn build(&self, name: &str) -> Result<Value, Stop> {
        let flag = match self.mode {
            Some("no_overwrite") => Some("--no-overwrite"),
            Some("overwrite") => Some("--overwrite"),
            Some(mode @ ("repair" | "resize")) => return Err(not_with_virsh(mode, "new")),
            _ => None,
        };
        if self.cx.check() {
            return if self.state_of(name)?.is_some() { Ok(Value::Null) } else { Err(Stop::would_change()) };
        }
        self.need(name)?;
        self.ask(&["pool-build", name].into_iter().chain(flag).collect::<Vec<_>>())
    }

    fn delete(&self, name: &str) -> Result<Value, Stop> {
        if self.mode == Some("zeroed") {
            return Err(not_with_virsh("zeroed", "normal"));
        }
        if self.cx.check() {
            return Err(Stop::would_change());
        }
        self.need(name)?;
        self.ask(&["pool-delete", "--", name])
    }

    fn reach(&mut self, name: &str, state: &str, xml: Option<&str>) -> Result<Reply, Stop> {
        match state {
            "active" => {
                if self.status(name)? == "active" {
                    return Ok(Reply::ok());
                }
                Ok(Reply::changed(true).with("msg", self.start(name)?))
            }
            "present" => {
                if self.state_of(name)?.is_some() {
                    return Ok(Reply::ok());
                }
                let missing = || Stop::msg(format!("storage pool '{name}' not present, but xml not specified"));
                self.define(xml.ok_or_else(missing)?)?;
                Ok(Reply::changed(true).with("created", name))
            }
            _ => {
                let active = match self.state_of(name)? {
                    None => return Ok(Reply::ok()),
                    Some(state) => state != "inactive",
                };
                if state == "inactive" {
                    return if active {
                        Ok(Reply::changed(true).with("msg", self.stop(name)?))
                    } else {
                        Ok(Reply::ok())
                    };
                }
                if active {
                    self.stop(name)?;
                }
                if state == "deleted" {
                    self.delete(name)?;
                }
                Ok(Reply::changed(true).with("msg", self.undefine(name)?))
            }
        }
    }

    fn order(&mut self, command: &str, name: Option<&str>, xml: Option<&str>) -> Result<Reply, Stop> {
        match command {
            "list_pools" => {
                let names: List = self.list()?.into_iter().map(|(name, _)| name).collect();
                return Ok(Reply::ok().with("list_pools", names));
            }
            "info" => return Ok(Reply::ok().with("pools", self.describe()?)),
            "facts" => {
                let facts = Map::from_iter([("ansible_libvirt_pools", self.describe()?)]);
                return Ok(Reply::ok().with("ansible_facts", facts));
            }
            _ => {}
        }
        let name = name.ok_or_else(|| Stop::msg(format!("{command} requires 1 argument: name")))?;
        let answer = match command {
            "define" => {
                let xml = xml.ok_or_else(|| Stop::msg("define requires xml argument"))?;
                if self.state_of(name)?.is_some() {
                    return Ok(Reply::ok());
                }
                self.define(xml)?;
                return Ok(Reply::changed(true).with("created", name));
            }
            "build" => return Ok(Reply::changed(true).with("build", self.build(name)?)),
            "delete" => return Ok(Reply::changed(true).with("delete", self.delete(name)?)),
            "create" | "start" => self.start(name)?,
            "stop" | "destroy" => self.stop(name)?,
            "undefine" => self.undefine(name)?,
            "refresh" => {
                self.need(name)?;
                self.ask(&["pool-refresh", "--", name])?
            }
            "status" => self.status(name)?.into(),
            _ => {
                self.need(name)?;
                self.virsh.ask(self.cx, &["pool-dumpxml", "--", name])?.into()
            }
        };
        Ok(Reply::ok().with(command, answer))
    }

    fn autostart(&self, name: &str, wanted: bool) -> Result<Reply, Stop> {
        if self.cx.check() && self.state_of(name)?.is_none() {
            return Err(Stop::would_change());
        }
        self.need(name)?;
        let now = self.virsh.table(self.cx, &["pool-info", "--", name])?.get("Autostart") == "yes";
        if now == wanted {
            return Ok(Reply::ok());
        }
        if self.cx.check() {
            return Err(Stop::would_change());
        }
        let words: Vec<&str> = ["pool-autostart", name].into_iter().chain((!wanted).then_some("--disable")).collect();
        Ok(Reply::changed(true).with("msg", self.ask(&words)?))
    }

    fn describe(&self) -> Result<Map, Stop> {
        let mut pools = Map::new();
        for (name, state) in self.list()? {
            let info = self.virsh.table(self.cx, &["pool-info", "--bytes", "--", &name])?;
            let xml = self.virsh.ask(self.cx, &["pool-dumpxml", "--", &name])?;
            let document = Element::read(&xml).map_err(|error| Stop::msg(error.to_string()))?;
            let mut pool = Map::from_iter([
                ("status", Value::from(info.get("State"))),
                ("size_total", info.number("Capacity").to_string().into()),
                ("size_used", info.number("Allocation").to_string().into()),
                ("size_available", info.number("Available").to_string().into()),
                ("autostart", info.get("Autostart").into()),
                ("persistent", info.get("Persistent").into()),
                ("state", state.into()),
                ("type", document.attribute("type").map(str::to_owned).into()),
                ("uuid", info.get("UUID").into()),
            ]);
            if state == "active" {
                let lines = self.virsh.lines(self.cx, &["vol-list", "--pool", &name])?;
                let volumes: List = lines.iter().map(|line| volume(line)).collect();
                pool.insert("volume_count", i64::try_from(volumes.len()).unwrap_or(i64::MAX));
                pool.insert("volumes", volumes);
            } else {
                pool.insert("volume_count", -1);
            }
            if let Some(path) = document.along(&["target", "path"]) {
                pool.insert("path", path.text().map(str::to_owned));
            }
            for (key, element, attribute) in
                [("host", "host", "name"), ("source_path", "dir", "path"), ("format", "format", "type")]
            {
                if let Some(found) = document.along(&["source", element]) {
                    pool.insert(key, found.attribute(attribute).map(str::to_owned));
                }
            }
            let devices: List = document
                .all("source")
                .flat_map(|source| source.all("device"))
                .map(|device| device.attribute("path").map(str::to_owned))
                .collect();
            if !devices.is_empty() {
                pool.insert("devices", devices);
            }
            pools.insert(name, pool);
        }
        Ok(pools)
    }
}

fn not_with_virsh(mode: &str, instead: &str) -> Stop {
    Stop::msg(format!("mode {mode} cannot be asked of virsh, which this module works with: use {instead}"))
}

/// The name in a line of virsh's table of names and paths.
fn volume(line: &str) -> String {
    let line = line.trim();
    line.split_once("   ").map_or(line, |(name, _)| name).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn pools_are_described() {
        let fake = Fake::new()
            .unwrap()
            .on("virsh -q -c qemu:///system uri", 0, "")
            .on("virsh -q -c qemu:///system pool-list --name", 0, "p\n")
            .on("virsh -q -c qemu:///system pool-list --name --inactive", 0, "")
            .on(
                "virsh -q -c qemu:///system pool-info",
                0,
                "State: running\nCapacity:  10\nAutostart: no\nPersistent: yes\nUUID: u\n",
            )
            .on(
                "virsh -q -c qemu:///system pool-dumpxml",
                0,
                "<pool type='dir'><target><path>/x</path></target></pool>",
            )
            .on("virsh -q -c qemu:///system vol-list", 0, " a b   /x/a b\n");
        let reply = fake.call("virt_pool", args([("command", "info")]));
        let pool = reply.data.get("pools").unwrap().get("p").unwrap().to_string();
        assert_eq!(
            pool,
            "{'status': 'running', 'size_total': '10', 'size_used': '0', 'size_available': '0', 'autostart': 'no', \
             'persistent': 'yes', 'state': 'active', 'type': 'dir', 'uuid': 'u', 'volume_count': 1, 'volumes': ['a b'], \
             'path': '/x'}"
        );
    }

    #[test]
    fn what_virsh_cannot_do_is_refused() {
        let fake = Fake::new().unwrap().on("virsh", 0, "");
        let reply = fake.call("virt_pool", args([("command", "build"), ("name", "p"), ("mode", "repair")]));
        assert!(reply.data.get("msg").unwrap().to_string().starts_with("mode repair cannot be asked of virsh"));
    }
}
