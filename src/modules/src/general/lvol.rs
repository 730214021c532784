//! Creates, resizes, removes and activates LVM logical volumes.
//!
//! Options:
//! - `vg` (required): the volume group. `lv`: the volume. `thinpool`: a thin pool, or the pool of the thin volume `lv`;
//!   one of `lv` and `thinpool` is needed. `snapshot`: a snapshot of `lv` by this name.
//! - `size`: a number with one of the units `bBsSkKmMgGtTpPeE` (megabytes without one), or a percentage of `VG`, `PVS`,
//!   `FREE` or `ORIGIN`; a leading `+` or `-` makes an existing volume larger or smaller by it.
//! - `state` (default `present`): `absent`, `present`. `force`: allows to shrink and to remove.
//! - `shrink` (default true): make a volume smaller that is larger than `size`. `resizefs`: its file system with it.
//! - `active` (default true): whether the volume is active. `pvs`: the physical volumes to take the space from.
//! - `opts`: further options of lvcreate, as on a command line.
//!
//! Returns: `msg`; of a volume that was there `vg`, `lv` and `size` (a float in the unit of the call, as before it).
//!
//! Check mode: full (LVM's own `--test`). Diff: none.
//!
//! Example:
//! ```yaml
//! - community.general.lvol:
//!     vg: data
//!     lv: ceph
//!     size: 100%FREE
//! ```

use rplay_protocol::Reply;
use rplay_value::Value;

use crate::convert::quoted;
use crate::{Arg, ArgSpec, Args, Context, Kind, Module, ModuleError, Output, PyRegex, Support, tools, words};

/// `community.general.lvol`
pub static MODULE: Module = Module {
    name: "lvol",
    collection: "community.general",
    spec: &ArgSpec {
        args: &[
            Arg::text("vg").required(),
            Arg::text("lv"),
            Arg::text("size"),
            Arg::text("opts"),
            Arg::text("state").default("present").choices(&["absent", "present"]),
            Arg::bool("force").default("false"),
            Arg::bool("shrink").default("true"),
            Arg::bool("active").default("true"),
            Arg::text("snapshot"),
            Arg::list("pvs").elements(Kind::Text),
            Arg::bool("resizefs").default("false"),
            Arg::text("thinpool"),
        ],
        one_of: &[&["lv", "thinpool"]],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

/// A size as asked for.
struct Size {
    /// `+` or `-` where it is relative to what is there.
    sign: &'static str,
    /// The number, as given.
    number: String,
    amount: f64,
    /// What a percentage is of: `VG`, `PVS`, `FREE`, `ORIGIN`.
    whole: Option<String>,
    /// What follows the number on LVM's command lines: a unit or nothing.
    unit: String,
}

impl Size {
    fn parse(given: &str, snapshot: bool) -> Result<Self, ModuleError> {
        let (sign, rest) = match given.as_bytes().first() {
            Some(b'+') => ("+", &given[1..]),
            Some(b'-') => ("-", &given[1..]),
            _ => ("", given),
        };
        let bad = || ModuleError::msg(format!("Bad size specification of {}", quoted_plain(rest)));
        if let Some((percent, whole)) = rest.split_once('%') {
            let amount: i64 = percent.trim().parse().map_err(|_| bad())?;
            if amount > 100 {
                return Err(ModuleError::msg("Size percentage cannot be larger than 100%"));
            }
            if whole == "ORIGIN" && !snapshot {
                return Err(ModuleError::msg("Percentage of ORIGIN supported only for snapshot volumes"));
            }
            if !["VG", "PVS", "FREE", "ORIGIN"].contains(&whole) {
                return Err(ModuleError::msg("Specify extents as a percentage of VG|PVS|FREE|ORIGIN"));
            }
            let (number, whole) = (rest.to_owned(), Some(whole.to_owned()));
            return Ok(Self { sign, number, amount: amount as f64, whole, unit: String::new() });
        }
        let unit = rest.chars().next_back().filter(|c| "bskmgtpe".contains(c.to_ascii_lowercase()));
        let number = unit.map_or(rest, |unit| &rest[..rest.len() - unit.len_utf8()]);
        let bad = || ModuleError::msg(format!("Bad size specification of {}", quoted_plain(number)));
        let amount: f64 = number.trim().parse().map_err(|_| bad())?;
        if !number.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(bad());
        }
        let unit = unit.map_or_else(|| "m".to_owned(), String::from);
        Ok(Self { sign, number: number.to_owned(), amount, whole: None, unit })
    }

    /// lvcreate's option, without its dash.
    fn option(&self) -> &'static str {
        if self.whole.is_some() { "l" } else { "L" }
    }

    /// The number with its unit.
    fn text(&self) -> String {
        format!("{}{}", self.number, self.unit)
    }
}

fn quoted_plain(text: &str) -> String {
    format!("'{text}'")
}

/// What `lvs` tells of a volume.
struct Volume {
    name: String,
    size: f64,
    active: bool,
    is_pool: bool,
    is_thin: bool,
}

/// What `vgs` tells of the group, in the unit of the call.
struct Group {
    size: f64,
    free: f64,
    extent: f64,
}

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let yes = has_yes_option(cx)?;
    let opts = words::split(args.text("opts").unwrap_or_default()).map_err(ModuleError::msg)?;
    let snapshot = args.text("snapshot").filter(|s| !s.is_empty());
    let size = args.text("size").filter(|s| !s.is_empty());
    let size = size.map(|size| Size::parse(size, args.get("snapshot").is_some())).transpose()?;
    let (vg, lv, pool) = (args.need("vg"), args.text("lv"), args.text("thinpool").filter(|p| !p.is_empty()));
    let present = args.need("state") == "present";
    let unit = size.as_ref().filter(|s| s.whole.is_none()).map_or("m".to_owned(), |s| s.unit.to_lowercase());

    let Some((group, volumes)) = read(cx, vg, &unit, present)? else {
        return Ok(Reply::ok().with("stdout", format!("Volume group {vg} does not exist.")));
    };
    let wanted = wanted_volume(&volumes, vg, lv, pool, snapshot)?;
    let short = wanted.rsplit('/').next().unwrap_or(wanted);
    let found = volumes.iter().find(|v| v.name == wanted || v.name == short);
    let call = Call { cx, args, vg, size: size.as_ref(), unit: &unit };
    let Some(volume) = found else {
        if !present {
            return Ok(Reply::ok().with("msg", ""));
        }
        call.create(&volumes, &opts, yes)?;
        return Ok(Reply::changed(true).with("msg", ""));
    };
    if !present {
        return call.remove(volume);
    }
    let changed = match call.resize(volume, &group)? {
        Resized::Changed => true,
        Resized::Same => false,
        Resized::Settled(reply) => return Ok(reply),
    };
    call.activate(volume, changed)
}

/// LVM asks questions since 2.2.99, which `--yes` answers.
fn has_yes_option(cx: &Context<'_>) -> Result<bool, ModuleError> {
    let lvm = tools::need(cx, "lvm")?;
    let output = tools::run(cx, &[lvm.as_str(), "version"])?;
    let unknown = || ModuleError::msg("Failed to get LVM version number");
    if !output.success() {
        return Err(unknown());
    }
    let text = output.out();
    let version = PyRegex::new(r"LVM version:\s+(\d+)\.(\d+)\.(\d+).*(\d{4}-\d{2}-\d{2})")?;
    let found = version.search(&text).ok_or_else(unknown)?;
    let part = |n: usize| found.get(n).and_then(|m| m.as_str().parse::<u64>().ok()).unwrap_or_default();
    Ok((part(1), part(2), part(3)) >= (2, 2, 99))
}

/// The group and its volumes; `None` where it is not there and need not be.
fn read(cx: &Context<'_>, vg: &str, unit: &str, present: bool) -> Result<Option<(Group, Vec<Volume>)>, ModuleError> {
    let list = |program: &str, all: &[&str], columns: &str| -> Result<Option<String>, ModuleError> {
        let program = tools::need(cx, program)?;
        let mut argv = vec![program.as_str()];
        argv.extend(all);
        argv.extend(["--noheadings", "--nosuffix", "-o", columns, "--units", unit, "--separator", ";", vg]);
        let output = tools::run(cx, &argv)?;
        if output.success() {
            return Ok(Some(output.out()));
        }
        if !present {
            return Ok(None);
        }
        Err(failure(format!("Volume group {vg} does not exist."), &output))
    };
    let Some(groups) = list("vgs", &[], "vg_name,size,free,vg_extent_size")? else { return Ok(None) };
    let Some(volumes) = list("lvs", &["-a"], "lv_name,size,lv_attr")? else { return Ok(None) };
    let unreadable = |what: &str, text: &str| ModuleError::msg(format!("could not read {what}: {}", quoted(text)));
    let group = groups.lines().next().and_then(parse_group).ok_or_else(|| unreadable("vgs", &groups))?;
    let volumes: Option<Vec<Volume>> = volumes.lines().map(parse_volume).collect();
    let volumes = volumes.ok_or_else(|| unreadable("lvs", &groups))?;
    Ok(Some((group, volumes)))
}

fn parse_group(line: &str) -> Option<Group> {
    let mut parts = line.trim().split(';').skip(1).map(|part| part.parse::<f64>().ok());
    Some(Group { size: parts.next()??, free: parts.next()??, extent: parts.next()?? })
}

fn parse_volume(line: &str) -> Option<Volume> {
    let mut parts = line.trim().split(';');
    let name = parts.next()?.replace(['[', ']'], "");
    let size = parts.next()?.parse().ok()?;
    let attributes = parts.next()?.as_bytes();
    let kind = *attributes.first()?;
    Some(Volume { name, size, active: *attributes.get(4)? == b'a', is_pool: kind == b't', is_thin: kind == b'V' })
}

/// The name of the volume the call is about, once what it needs is there.
fn wanted_volume<'a>(
    volumes: &[Volume],
    vg: &str,
    lv: Option<&'a str>,
    pool: Option<&'a str>,
    snapshot: Option<&'a str>,
) -> Result<&'a str, ModuleError> {
    let Some(snapshot) = snapshot else {
        let Some(pool) = pool else { return Ok(lv.unwrap_or_default()) };
        let Some(lv) = lv.filter(|lv| !lv.is_empty()) else { return Ok(pool) };
        if !volumes.iter().any(|v| v.name == pool) {
            return Err(ModuleError::msg(format!("Thin pool LV {pool} does not exist in volume group {vg}.")));
        }
        return Ok(lv);
    };
    let origin = volumes.iter().find(|v| Some(v.name.as_str()) == lv || Some(v.name.as_str()) == pool);
    let Some(origin) = origin else {
        let lv = lv.unwrap_or("None");
        return Err(ModuleError::msg(format!("Snapshot origin LV {lv} does not exist in volume group {vg}.")));
    };
    if origin.is_pool || pool.is_some() {
        return Err(ModuleError::msg("Snapshots of thin pool LVs are not supported."));
    }
    Ok(snapshot)
}

enum Resized {
    Changed,
    Same,
    /// LVM found nothing to do, which is the whole result.
    Settled(Reply),
}

struct Call<'a> {
    cx: &'a Context<'a>,
    args: &'a Args,
    vg: &'a str,
    size: Option<&'a Size>,
    unit: &'a str,
}

impl Call<'_> {
    /// LVM's own dry run.
    fn test(&self) -> &'static [&'static str] {
        if self.cx.check() { &["--test"] } else { &[] }
    }

    fn lv(&self) -> &str {
        self.args.text("lv").unwrap_or("None")
    }

    fn path(&self, volume: &str) -> String {
        format!("{}/{volume}", self.vg)
    }

    fn create(&self, volumes: &[Volume], opts: &[String], yes: bool) -> Result<(), ModuleError> {
        let (args, lv, pool) = (self.args, self.args.text("lv"), self.args.text("thinpool"));
        if let Some(size) = self.size.filter(|s| s.sign == "-" || s.sign == "+" && s.whole.is_none()) {
            let (sign, number) = (size.sign, &size.number);
            return Err(ModuleError::msg(format!("Bad size specification of '{sign}{number}' for creating LV")));
        }
        let of_thin = || volumes.iter().any(|v| Some(v.name.as_str()) == lv && v.is_thin);
        if self.size.is_none() && !(args.get("snapshot").is_some() && of_thin()) {
            return Err(ModuleError::msg("No size given."));
        }
        let program = tools::need(self.cx, "lvcreate")?;
        let mut argv = vec![program];
        argv.extend(self.test().iter().map(ToString::to_string));
        if yes {
            argv.push("--yes".to_owned());
        }
        let size = |argv: &mut Vec<String>, option: Option<&str>| {
            if let Some(size) = self.size {
                argv.extend([format!("-{}", option.unwrap_or(size.option())), size.text()]);
            }
        };
        let name = |name: Option<&str>| ["-n".to_owned(), name.unwrap_or_default().to_owned()];
        if let Some(snapshot) = args.text("snapshot") {
            size(&mut argv, None);
            argv.push("-s".to_owned());
            argv.extend(name(Some(snapshot)));
            argv.extend_from_slice(opts);
            argv.push(self.path(self.lv()));
        } else if let Some(pool) = pool.filter(|p| !p.is_empty()) {
            if let Some(lv) = lv.filter(|lv| !lv.is_empty()) {
                if self.size.is_some_and(|s| s.whole.is_some()) {
                    return Err(ModuleError::msg("Thin volume sizing with percentage not supported."));
                }
                argv.extend(name(Some(lv)));
                size(&mut argv, Some("V"));
            } else {
                size(&mut argv, None);
            }
            argv.extend_from_slice(opts);
            argv.extend(["-T".to_owned(), self.path(pool)]);
        } else {
            argv.extend(name(lv));
            size(&mut argv, None);
            argv.extend_from_slice(opts);
            argv.push(self.vg.to_owned());
            argv.extend(args.texts("pvs").into_iter().map(str::to_owned));
        }
        let output = tools::run(self.cx, &argv)?;
        if output.success() {
            return Ok(());
        }
        Err(failure(format!("Creating logical volume '{}' failed", self.lv()), &output))
    }

    fn remove(&self, volume: &Volume) -> Result<Reply, ModuleError> {
        if !self.args.flag("force") {
            let name = &volume.name;
            return Err(ModuleError::msg(format!("Sorry, no removal of logical volume {name} without force=true.")));
        }
        let program = tools::need(self.cx, "lvremove")?;
        let path = self.path(&volume.name);
        let mut argv = vec![program.as_str()];
        argv.extend(self.test());
        argv.extend(["--force", path.as_str()]);
        let output = tools::run(self.cx, &argv)?;
        if output.success() {
            return Ok(Reply::changed(true));
        }
        Err(failure(format!("Failed to remove logical volume {}", self.lv()), &output))
    }

    fn resize(&self, volume: &Volume, group: &Group) -> Result<Resized, ModuleError> {
        let Some(size) = self.size else { return Ok(Resized::Same) };
        let program = match &size.whole {
            Some(whole) => self.by_percentage(volume, group, size, whole)?,
            None => self.by_amount(volume, size)?,
        };
        let Some(program) = program else { return Ok(Resized::Same) };
        let mut argv = vec![tools::need(self.cx, program)?];
        if program == "lvreduce" {
            argv.push("--force".to_owned());
        }
        if self.args.flag("resizefs") {
            argv.push("--resizefs".to_owned());
        }
        argv.extend(self.test().iter().map(ToString::to_string));
        argv.extend([format!("-{}", size.option()), format!("{}{}", size.sign, size.text())]);
        argv.push(self.path(&volume.name));
        argv.extend(self.args.texts("pvs").into_iter().map(str::to_owned));
        let output = tools::run(self.cx, &argv)?;
        let (out, err) = (output.out(), output.err());
        let says = |text: &str| out.contains(text) || err.contains(text);
        let unable = || failure(format!("Unable to resize {} to {}", self.lv(), size.text()), &output);
        if out.contains("Reached maximum COW size") {
            return Err(match unable() {
                ModuleError::Failed { reply } => ModuleError::reply(reply.with("out", out)),
                other => other,
            });
        }
        if output.success() {
            return Ok(Resized::Changed);
        }
        if says("matches existing size") {
            return Ok(Resized::Settled(self.described(false, volume)));
        }
        if says("not larger than existing size") {
            let reply = self.described(false, volume).with("msg", "Original size is larger than requested size");
            return Ok(Resized::Settled(reply.with("err", err)));
        }
        Err(unable())
    }

    fn by_percentage(
        &self,
        volume: &Volume,
        group: &Group,
        size: &Size,
        whole: &str,
    ) -> Result<Option<&'static str>, ModuleError> {
        let part = size.amount * if matches!(whole, "VG" | "PVS") { group.size } else { group.free } / 100.0;
        let exact = match size.sign {
            "+" => part + volume.size,
            "-" => volume.size - part,
            _ => part,
        };
        // LVM rounds down to whole extents.
        let requested = exact - exact.rem_euclid(group.extent);
        let name = &volume.name;
        if volume.size < requested {
            let more = requested - volume.size;
            if group.free > 0.0 && group.free >= more {
                return Ok(Some("lvextend"));
            }
            let unit = self.unit;
            let [more, free] = [more, group.free].map(|number| Value::from(number).to_str().into_owned());
            return Err(ModuleError::msg(format!(
                "Logical Volume {name} could not be extended. Not enough free space left ({more}{unit} required / {free}{unit} available)"
            )));
        }
        // Less than an extent too much is LVM's rounding.
        if self.args.flag("shrink") && volume.size > requested + group.extent {
            if requested < 1.0 {
                return Err(ModuleError::msg(format!("Sorry, no shrinking of {name} to 0 permitted.")));
            }
            if !self.args.flag("force") {
                return Err(ModuleError::msg(format!("Sorry, no shrinking of {name} without force=true")));
            }
            return Ok(Some("lvreduce"));
        }
        Ok(None)
    }

    fn by_amount(&self, volume: &Volume, size: &Size) -> Result<Option<&'static str>, ModuleError> {
        if size.amount > volume.size || size.sign == "+" {
            return Ok(Some("lvextend"));
        }
        if self.args.flag("shrink") && size.amount < volume.size || size.sign == "-" {
            let name = &volume.name;
            if size.amount == 0.0 {
                return Err(ModuleError::msg(format!("Sorry, no shrinking of {name} to 0 permitted.")));
            }
            if !self.args.flag("force") {
                return Err(ModuleError::msg(format!("Sorry, no shrinking of {name} without force=true.")));
            }
            return Ok(Some("lvreduce"));
        }
        Ok(None)
    }

    fn activate(&self, volume: &Volume, changed: bool) -> Result<Reply, ModuleError> {
        let active = self.args.flag("active");
        let program = tools::need(self.cx, "lvchange")?;
        let path = self.path(&volume.name);
        let mut argv = vec![program.as_str()];
        argv.extend(self.test());
        argv.extend([if active { "-ay" } else { "-an" }, path.as_str()]);
        let output = tools::run(self.cx, &argv)?;
        if output.success() {
            return Ok(self.described(changed || volume.active != active, volume));
        }
        let action = if active { "activate" } else { "deactivate" };
        Err(failure(format!("Failed to {action} logical volume {}", self.lv()), &output))
    }

    fn described(&self, changed: bool, volume: &Volume) -> Reply {
        Reply::changed(changed).with("vg", self.vg).with("lv", volume.name.as_str()).with("size", volume.size)
    }
}

fn failure(msg: String, output: &Output) -> ModuleError {
    ModuleError::reply(Reply::failure(msg).with("rc", output.rc).with("err", output.err()))
}

#[cfg(test)]
mod tests {
    use rplay_protocol::Reply;

    use crate::testing::{Fake, args};

    const VERSION: &str = "  LVM version:     2.03.16(2) (2022-05-18)\n";

    fn fake(volumes: &str) -> Fake {
        let fake = Fake::new().unwrap().on("lvm version", 0, VERSION).on("vgs", 0, "  data;1000.00;400.00;4.00\n");
        fake.on("lvs", 0, volumes)
            .on("lvcreate", 0, "")
            .on("lvextend", 0, "")
            .on("lvreduce", 0, "")
            .on("lvchange", 0, "")
    }

    fn call(fake: &Fake, given: &[(&'static str, &str)]) -> Reply {
        fake.call("community.general.lvol", args([("vg", "data")].into_iter().chain(given.iter().copied())))
    }

    fn msg(reply: &Reply) -> String {
        reply.data.get("msg").unwrap().to_string()
    }

    #[test]
    fn volumes_are_created() {
        let none = fake("");
        assert!(
            call(&none, &[("lv", "a"), ("size", "512"), ("pvs", "/dev/sda,/dev/sdb"), ("opts", "-r '16'")]).changed
        );
        assert!(call(&none, &[("thinpool", "p"), ("size", "5g")]).changed);
        assert!(call(&none, &[("lv", "a"), ("size", "+100%FREE")]).changed);
        let lines = none.command_lines();
        assert_eq!(lines[3], "lvcreate --yes -n a -L 512m -r 16 data /dev/sda /dev/sdb");
        assert_eq!(lines[7], "lvcreate --yes -L 5g -T data/p");
        assert_eq!(lines[11], "lvcreate --yes -n a -l 100%FREE data");
        let wrong = |given: &[(&'static str, &str)]| msg(&call(&none, given));
        assert_eq!(wrong(&[("lv", "a")]), "No size given.");
        assert_eq!(wrong(&[("lv", "a"), ("size", "-5")]), "Bad size specification of '-5' for creating LV");
        assert_eq!(wrong(&[("lv", "a"), ("size", "x5g")]), "Bad size specification of 'x5'");
        assert_eq!(wrong(&[("lv", "a"), ("size", "101%VG")]), "Size percentage cannot be larger than 100%");
        assert_eq!(
            wrong(&[("lv", "t"), ("thinpool", "p"), ("size", "1g")]),
            "Thin pool LV p does not exist in volume group data."
        );
        assert_eq!(
            wrong(&[("lv", "a"), ("snapshot", "s"), ("size", "1g")]),
            "Snapshot origin LV a does not exist in volume group data."
        );
    }

    #[test]
    fn volumes_are_resized_as_far_as_allowed() {
        let one = fake("  a;100.00;-wi-a-----\n  [pool];50.00;twi-aotz--\n");
        let reply = call(&one, &[("lv", "a"), ("size", "100")]);
        assert!(!reply.changed);
        assert_eq!(reply.data.get("size"), Some(&100.0.into()));
        assert!(call(&one, &[("lv", "a"), ("size", "200"), ("resizefs", "yes")]).changed);
        assert!(one.command_lines().contains(&"lvextend --resizefs -L 200m data/a".to_owned()));
        assert_eq!(msg(&call(&one, &[("lv", "a"), ("size", "50")])), "Sorry, no shrinking of a without force=true.");
        assert!(!call(&one, &[("lv", "a"), ("size", "50"), ("shrink", "no")]).changed);
        assert!(call(&one, &[("lv", "a"), ("size", "10%VG")]).data.contains("lv"));
        assert!(call(&one, &[("lv", "a"), ("size", "+50%FREE")]).changed);
        assert!(one.command_lines().contains(&"lvextend -l +50%FREE data/a".to_owned()));
        assert_eq!(
            msg(&call(&one, &[("lv", "a"), ("size", "90%VG")])),
            "Logical Volume a could not be extended. Not enough free space left (800.0m required / 400.0m available)"
        );
        assert_eq!(
            msg(&call(&one, &[("lv", "pool"), ("snapshot", "s"), ("size", "1")])),
            "Snapshots of thin pool LVs are not supported."
        );
        assert!(call(&one, &[("lv", "a"), ("active", "no")]).changed);
        assert!(one.check("lvol", args([("vg", "data"), ("lv", "a"), ("active", "no")])).changed);
        assert_eq!(one.command_lines().last().unwrap(), "lvchange --test -an data/a");
    }

    #[test]
    fn removal_needs_force_and_check_mode_is_lvms_own() {
        let one = fake("  a;100.00;-wi-a-----\n").on("lvremove", 0, "");
        let gone = [("lv", "a"), ("state", "absent")];
        assert_eq!(msg(&call(&one, &gone)), "Sorry, no removal of logical volume a without force=true.");
        let forced = [("vg", "data"), ("lv", "a"), ("state", "absent"), ("force", "yes")];
        assert!(one.check("lvol", args(forced)).changed);
        assert_eq!(one.command_lines().last().unwrap(), "lvremove --test --force data/a");
        let none = Fake::new().unwrap().on("lvm version", 0, VERSION).on("vgs", 5, "");
        assert_eq!(msg(&call(&none, &[("lv", "a"), ("size", "1")])), "Volume group data does not exist.");
        assert!(!call(&none, &gone).failed);
    }
}
