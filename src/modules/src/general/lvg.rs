//! Creates, resizes, activates and removes LVM volume groups.
//!
//! Options:
//! - `vg` (required): the group. `pvs` (list): its devices; needed to create it and with `reset_pv_uuid`.
//! - `state` (default `present`): `absent`, `present`, `active`, `inactive`; the last two also set whether volumes are
//!   activated at boot, where LVM can.
//! - `pesize` (default 4): size of extents in megabytes or with a unit, of a group that is created.
//! - `pv_options`, `vg_options`: further options of pvcreate and vgcreate, separated by spaces.
//! - `pvresize`: let the devices' space grow with them. `remove_extra_pvs` (default true): take out what is not in `pvs`.
//! - `force`: remove a group that has volumes. `reset_vg_uuid`, `reset_pv_uuid`: new UUIDs, every time.
//!
//! Returns: `changed`.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - community.general.lvg:
//!     vg: data
//!     pvs: /dev/vdb,/dev/vdc
//! ```

use rplay_protocol::Reply;

use crate::{Arg, ArgSpec, Args, Context, Kind, Module, ModuleError, Output, Support, real_path, tools};

/// `community.general.lvg`
pub static MODULE: Module = Module {
    name: "lvg",
    collection: "community.general",
    spec: &ArgSpec {
        args: &[
            Arg::text("vg").required(),
            Arg::list("pvs").elements(Kind::Text),
            Arg::text("pesize").default("4"),
            Arg::text("pv_options").default(""),
            Arg::bool("pvresize").default("false"),
            Arg::text("vg_options").default(""),
            Arg::text("state").default("present").choices(&["absent", "present", "active", "inactive"]),
            Arg::bool("force").default("false"),
            Arg::bool("reset_vg_uuid").default("false"),
            Arg::bool("reset_pv_uuid").default("false"),
            Arg::bool("remove_extra_pvs").default("true"),
        ],
        required_if: &[("reset_pv_uuid", "True", &["pvs"])],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

const AUTOACTIVATION: &str = "--setautoactivation";

/// A physical volume and the group it is in.
struct Device {
    name: String,
    group: String,
}

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let (vg, state) = (args.need("vg"), args.need("state"));
    let call = Call { cx, args, vg };
    let volumes = call.volumes()?;
    let given = args.texts("pvs");
    if given.is_empty() && state != "absent" && volumes.is_none() {
        return Err(ModuleError::msg("No physical volumes given."));
    }
    // LVM's lists have no links.
    let devices: Vec<String> =
        given.iter().map(|device| real_path(&cx.path(device)).to_string_lossy().into_owned()).collect();
    if state == "absent" {
        return volumes.map_or_else(|| Ok(Reply::ok()), |volumes| call.remove(volumes));
    }
    if let Some(missing) = devices.iter().find(|device| !std::path::Path::new(device).exists()) {
        return Err(ModuleError::msg(format!("Device {missing} not found.")));
    }
    let known = call.devices(&devices, &given)?;
    let foreign = known.iter().find(|pv| devices.contains(&pv.name) && !pv.group.is_empty() && pv.group != vg);
    if let Some(Device { name, group }) = foreign {
        return Err(ModuleError::msg(format!("Device {name} is already in {group} volume group.")));
    }
    if volumes.is_none() {
        call.create(&devices)?;
        return Ok(Reply::changed(true));
    }
    let mut changed = match state {
        "active" => call.activate(true)?,
        "inactive" => call.activate(false)?,
        _ => false,
    };
    if args.flag("reset_vg_uuid") {
        call.act("vgchange", &["-u", vg])?;
        changed = true;
    }
    if !devices.is_empty() {
        let inside = known.iter().filter(|pv| pv.group == vg);
        let inside: Vec<String> =
            inside.map(|pv| real_path(std::path::Path::new(&pv.name)).to_string_lossy().into_owned()).collect();
        changed |= call.resize(&devices, &inside)?;
    }
    Ok(Reply::changed(changed))
}

struct Call<'a> {
    cx: &'a Context<'a>,
    args: &'a Args,
    vg: &'a str,
}

impl Call<'_> {
    /// Asks a program; its failure is the module's.
    fn ask(&self, program: &str, words: &[&str]) -> Result<Output, ModuleError> {
        let program = tools::need(self.cx, program)?;
        let mut argv = vec![program.as_str()];
        argv.extend(words);
        tools::run_checked(self.cx, &argv)
    }

    /// Changes something with a program, unless in check mode.
    fn act(&self, program: &str, words: &[&str]) -> Result<(), ModuleError> {
        if !self.cx.check() {
            self.ask(program, words)?;
        }
        Ok(())
    }

    /// Runs a program with a failure of the module's own words.
    fn do_or(&self, program: &str, words: &[&str], msg: impl FnOnce() -> String) -> Result<(), ModuleError> {
        let program = tools::need(self.cx, program)?;
        let mut argv = vec![program.as_str()];
        argv.extend(words);
        let output = tools::run(self.cx, &argv)?;
        if output.success() {
            return Ok(());
        }
        Err(ModuleError::reply(Reply::failure(msg()).with("rc", output.rc).with("err", output.err())))
    }

    /// How many volumes the group has; `None` where there is no such group.
    fn volumes(&self) -> Result<Option<u64>, ModuleError> {
        let listed = self.ask("vgs", &["--noheadings", "-o", "vg_name,pv_count,lv_count", "--separator", ";"])?.out();
        let group = listed.lines().map(|line| line.trim().split(';').collect::<Vec<_>>());
        let mut group = group.filter(|parts| parts.first() == Some(&self.vg));
        Ok(group.next().map(|parts| parts.get(2).and_then(|n| n.parse().ok()).unwrap_or_default()))
    }

    /// The physical volumes among these devices and of this group; all of them where no devices are given.
    fn devices(&self, devices: &[String], given: &[&str]) -> Result<Vec<Device>, ModuleError> {
        let mut words = vec!["--noheadings", "-o", "pv_name,vg_name", "--separator", ";"];
        let names = devices.iter().map(String::as_str).chain(given.iter().copied());
        let mut select: Vec<String> = names.map(|name| format!("pv_name = {name}")).collect();
        select.push(format!("vg_name = {}", self.vg));
        let select = select.join(" || ");
        if !devices.is_empty() {
            words.extend(["--select", &select]);
        }
        let program = tools::need(self.cx, "pvs")?;
        let mut argv = vec![program.as_str()];
        argv.extend(words);
        let output = tools::run(self.cx, &argv)?;
        if !output.success() {
            let reply = Reply::failure("Failed executing pvs command.").with("rc", output.rc).with("err", output.err());
            return Err(ModuleError::reply(reply));
        }
        let listed = output.out();
        listed.lines().map(|line| self.device(line.trim())).collect()
    }

    fn device(&self, line: &str) -> Result<Device, ModuleError> {
        let mut parts = line.split(';');
        let (name, group) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default().to_owned());
        if !name.starts_with("/dev/dm-") {
            return Ok(Device { name: name.to_owned(), group });
        }
        let dmsetup = tools::need(self.cx, "dmsetup")?;
        let output = tools::run(self.cx, &[&dmsetup, "info", "-C", "--noheadings", "-o", "name", name])?;
        if !output.success() {
            let reply = Reply::failure("Failed executing dmsetup command.");
            return Err(ModuleError::reply(reply.with("rc", output.rc).with("err", output.err())));
        }
        Ok(Device { name: format!("/dev/mapper/{}", output.out().trim_end()), group })
    }

    fn can_autoactivate(&self, program: &str) -> Result<bool, ModuleError> {
        Ok(self.ask(program, &["--help"])?.out().contains(AUTOACTIVATION))
    }

    fn create(&self, devices: &[String]) -> Result<(), ModuleError> {
        let (args, state) = (self.args, self.args.need("state"));
        let mut options: Vec<&str> = args.need("vg_options").split_whitespace().collect();
        let autoactivate = self.can_autoactivate("vgcreate")?;
        if autoactivate && state != "present" && !options.contains(&AUTOACTIVATION) {
            options.extend([AUTOACTIVATION, if state == "active" { "y" } else { "n" }]);
        }
        if self.cx.check() {
            return Ok(());
        }
        self.prepare(devices)?;
        let devices = devices.iter().map(String::as_str);
        let words: Vec<&str> = options.into_iter().chain(["-s", args.need("pesize"), self.vg]).chain(devices).collect();
        self.do_or("vgcreate", &words, || format!("Creating volume group '{}' failed", self.vg))
    }

    /// Makes physical volumes of devices.
    fn prepare<S: AsRef<str>>(&self, devices: &[S]) -> Result<(), ModuleError> {
        for device in devices.iter().map(AsRef::as_ref) {
            let options = self.args.need("pv_options").split_whitespace();
            let words: Vec<&str> = options.chain(["-f", device]).collect();
            self.do_or("pvcreate", &words, || format!("Creating physical volume '{device}' failed"))?;
        }
        Ok(())
    }

    fn remove(&self, volumes: u64) -> Result<Reply, ModuleError> {
        if self.cx.check() {
            return Ok(Reply::changed(true));
        }
        let vg = self.vg;
        if volumes > 0 && !self.args.flag("force") {
            return Err(ModuleError::msg(format!("Refuse to remove non-empty volume group {vg} without force=true")));
        }
        self.do_or("vgremove", &["--force", vg], || format!("Failed to remove volume group {vg}"))?;
        Ok(Reply::changed(true))
    }

    /// Brings all volumes, and what happens to them at boot, to one state.
    fn activate(&self, active: bool) -> Result<bool, ModuleError> {
        let autoactivates = self.can_autoactivate("vgchange")?;
        let columns = if autoactivates { "lv_attr,autoactivation" } else { "lv_attr" };
        let listed = self.ask("vgs", &["--noheadings", "-o", columns, "--separator", ";", self.vg])?.out();
        let rows: Vec<(&str, &str)> =
            listed.lines().map(|line| line.trim().split_once(';').unwrap_or((line.trim(), ""))).collect();
        let flag = if active { "y" } else { "n" };
        let mut changed = false;
        // vgchange fails where it would change nothing.
        if autoactivates && rows.iter().any(|(_, boot)| *boot == "enabled") != active {
            self.act("vgchange", &[AUTOACTIVATION, flag, self.vg])?;
            changed = true;
        }
        if rows.iter().any(|(attributes, _)| (attributes.as_bytes().get(4) == Some(&b'a')) != active) {
            self.act("vgchange", &["--activate", flag, self.vg])?;
            changed = true;
        }
        Ok(changed)
    }

    fn resize(&self, devices: &[String], inside: &[String]) -> Result<bool, ModuleError> {
        let mut changed = false;
        for device in inside {
            if self.args.flag("pvresize") {
                changed |= self.grow(device)?;
            }
            if self.args.flag("reset_pv_uuid") {
                self.reset_uuid(device)?;
                changed = true;
            }
        }
        let mut more: Vec<&str> = Vec::new();
        for device in devices.iter().filter(|device| !inside.contains(device)) {
            if !more.contains(&device.as_str()) {
                more.push(device);
            }
        }
        let less = inside.iter().filter(|device| self.args.flag("remove_extra_pvs") && !devices.contains(device));
        let less: Vec<&str> = less.map(String::as_str).collect();
        if more.is_empty() && less.is_empty() {
            return Ok(changed);
        }
        if self.cx.check() {
            return Ok(true);
        }
        let vg = self.vg;
        if !more.is_empty() {
            self.prepare(&more)?;
            let words: Vec<&str> = [vg].into_iter().chain(more.iter().copied()).collect();
            self.do_or("vgextend", &words, || format!("Unable to extend {vg} by {}.", more.join(" ")))?;
        }
        if !less.is_empty() {
            let words: Vec<&str> = ["--force", vg].into_iter().chain(less.iter().copied()).collect();
            self.do_or("vgreduce", &words, || format!("Unable to reduce {vg} by {}.", less.join(" ")))?;
        }
        Ok(true)
    }

    /// Size of a device, of its space for volumes, where that starts, and of an extent, in bytes.
    fn sizes(&self, device: &str) -> Result<[i64; 4], ModuleError> {
        let columns = "dev_size,pv_size,pe_start,vg_extent_size";
        let words =
            [device, "--units", "b", "--columns", "--noheadings", "--nosuffix", "--separator", ";", "-o", columns];
        let shown = self.ask("pvdisplay", &words)?.out();
        let numbers: Vec<i64> = shown.trim().split(';').filter_map(|number| number.parse().ok()).collect();
        numbers.try_into().map_err(|_| ModuleError::msg(format!("could not read pvdisplay: {}", shown.trim())))
    }

    /// Gives a physical volume the space its device got; less than an extent is none.
    fn grow(&self, device: &str) -> Result<bool, ModuleError> {
        let pvresize = tools::need(self.cx, "pvresize")?;
        let [whole, used, start, extent] = self.sizes(device)?;
        if whole - (start + used) <= extent {
            return Ok(false);
        }
        if self.cx.check() {
            return Ok(true);
        }
        // pvresize also fails because of other devices that are missing, so the size decides.
        let output = tools::run(self.cx, &[pvresize.as_str(), device])?;
        if self.sizes(device)?[1] == used {
            return Err(with_output("Failed executing pvresize command.".to_owned(), &output));
        }
        Ok(true)
    }

    fn reset_uuid(&self, device: &str) -> Result<(), ModuleError> {
        let uuid = || Ok::<_, ModuleError>(self.ask("pvs", &["--noheadings", "-o", "uuid", device])?.out());
        let pvchange = tools::need(self.cx, "pvchange")?;
        let before = uuid()?;
        if self.cx.check() {
            return Ok(());
        }
        let output = tools::run(self.cx, &[pvchange.as_str(), "-u", device])?;
        if uuid()?.trim() == before.trim() {
            return Err(with_output(format!("PV ({device}) UUID change failed"), &output));
        }
        Ok(())
    }
}

fn with_output(msg: String, output: &Output) -> ModuleError {
    let reply = Reply::failure(msg).with("rc", output.rc).with("err", output.err());
    ModuleError::reply(reply.with("out", output.out()))
}

#[cfg(test)]
mod tests {
    use rplay_protocol::Reply;

    use crate::Sys as _;
    use crate::testing::{Fake, args};

    fn call(fake: &Fake, given: &[(&'static str, &str)]) -> Reply {
        fake.call("community.general.lvg", args([("vg", "data")].into_iter().chain(given.iter().copied())))
    }

    fn msg(reply: &Reply) -> String {
        reply.data.get("msg").unwrap().to_string()
    }

    fn device(fake: &Fake, name: &str) -> String {
        fake.write(name, "").unwrap();
        fake.path(std::path::Path::new(name)).to_string_lossy().into_owned()
    }

    #[test]
    fn groups_are_created_and_removed() {
        let fake = Fake::new().unwrap().on("vgs", 0, "  other;1;0\n").on("pvs", 0, "").on("pvcreate", 0, "");
        let fake = fake.on("vgcreate", 0, "").on("vgcreate --help", 0, "  [ --setautoactivation y|n ]\n");
        assert_eq!(msg(&call(&fake, &[])), "No physical volumes given.");
        assert!(msg(&call(&fake, &[("pvs", "/dev/none")])).ends_with("/dev/none not found."));
        let sdb = device(&fake, "/dev/sdb");
        assert!(fake.check("lvg", args([("vg", "data"), ("pvs", "/dev/sdb")])).changed);
        assert!(!fake.command_lines().iter().any(|line| line.starts_with("pvcreate")));
        assert!(
            call(&fake, &[("pvs", "/dev/sdb"), ("state", "active"), ("pesize", "32"), ("pv_options", "-q")]).changed
        );
        let lines = fake.command_lines();
        assert_eq!(lines[lines.len() - 2], format!("pvcreate -q -f {sdb}"));
        assert_eq!(lines[lines.len() - 1], format!("vgcreate --setautoactivation y -s 32 data {sdb}"));
        assert!(!call(&fake, &[("state", "absent")]).changed);
        let full = Fake::new().unwrap().on("vgs", 0, "  data;1;2\n").on("vgremove", 0, "");
        assert_eq!(
            msg(&call(&full, &[("state", "absent")])),
            "Refuse to remove non-empty volume group data without force=true"
        );
        assert!(call(&full, &[("state", "absent"), ("force", "yes")]).changed);
    }

    #[test]
    fn devices_come_and_go() {
        let fake = Fake::new().unwrap().on("vgs", 0, "  data;1;0\n").on("pvcreate", 0, "");
        let (sdb, sdc) = (device(&fake, "/dev/sdb"), device(&fake, "/dev/sdc"));
        let fake = fake.on("pvs", 0, &format!("  {sdb};data\n")).on("vgextend", 0, "").on("vgreduce", 0, "");
        assert!(!call(&fake, &[("pvs", "/dev/sdb")]).changed);
        assert!(call(&fake, &[("pvs", "/dev/sdc")]).changed);
        let lines = fake.command_lines();
        assert_eq!(lines[lines.len() - 2..], [format!("vgextend data {sdc}"), format!("vgreduce --force data {sdb}")]);
        assert!(call(&fake, &[("pvs", "/dev/sdc"), ("remove_extra_pvs", "no")]).changed);
        assert_eq!(fake.command_lines().last().unwrap(), &format!("vgextend data {sdc}"));
        let taken = Fake::new().unwrap().on("vgs", 0, "  data;1;0\n");
        let sdd = device(&taken, "/dev/sdd");
        let taken = taken.on("pvs", 0, &format!("  {sdd};old\n"));
        assert_eq!(msg(&call(&taken, &[("pvs", "/dev/sdd")])), format!("Device {sdd} is already in old volume group."));
    }

    #[test]
    fn activation_is_for_now_and_for_boot() {
        let fake = Fake::new().unwrap().on("vgs --noheadings -o vg_name", 0, "  data;1;2\n").on("pvs", 0, "");
        let fake = fake.on("vgs --noheadings -o lv_attr", 0, "  -wi-a-----;enabled\n  -wi-------;enabled\n");
        let fake = fake.on("vgchange --help", 0, "--setautoactivation").on("vgchange", 0, "");
        assert!(call(&fake, &[("state", "active")]).changed);
        assert_eq!(fake.command_lines().last().unwrap(), "vgchange --activate y data");
        assert!(call(&fake, &[("state", "inactive")]).changed);
        assert!(fake.command_lines().contains(&"vgchange --setautoactivation n data".to_owned()));
    }

    #[test]
    fn grown_devices_give_their_space() {
        let fake = Fake::new().unwrap().on("vgs", 0, "  data;1;0\n").on("pvresize", 0, "");
        let sdb = device(&fake, "/dev/sdb");
        let fake = fake.on("pvs", 0, &format!("  {sdb};data\n"));
        let fake = fake.on("pvdisplay", 0, "2000;1000;10;4\n").on("pvdisplay", 0, "2000;1988;10;4\n");
        assert!(call(&fake, &[("pvs", "/dev/sdb"), ("pvresize", "yes")]).changed);
        assert!(!call(&fake, &[("pvs", "/dev/sdb"), ("pvresize", "yes")]).changed);
        assert_eq!(
            msg(&call(&fake, &[("reset_pv_uuid", "yes")])),
            "reset_pv_uuid is True but all of the following are missing: pvs"
        );
    }
}
