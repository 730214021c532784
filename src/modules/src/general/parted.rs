//! Reads and changes partition tables with parted.
//!
//! Options:
//! - `device` (required): the disk, or an image of one.
//! - `state` (default `info`): `absent`, `present`, `info`. `number`: the partition, unless only reading.
//! - `label` (default `msdos`): the kind of table; another one that is there is replaced, with all partitions lost.
//! - `part_start` (default `0%`), `part_end` (default `100%`): parted's positions, such as `1GiB` or `-1GiB`.
//! - `part_type` (default `primary`): `extended`, `logical`, `primary`. `fs_type`: the type a new partition is marked with.
//! - `name`: its name, where the table has names. `flags` (list): exactly the flags it has then.
//! - `resize`: move the end of a partition that is there to `part_end`.
//! - `align` (default `optimal`): `cylinder`, `minimal`, `none`, `optimal`, `undefined`.
//! - `unit` (default `KiB`): of results, and of positions without one.
//!
//! Returns: `disk` and `partitions` as they are then, `script`: the words given to parted. Needs parted 3.1 or later,
//! which prints disks without a table.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - community.general.parted:
//!     device: /dev/vdb
//!     number: 1
//!     state: present
//!     label: gpt
//!     name: data
//! ```

use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use crate::{Arg, ArgSpec, Args, Context, Kind, Module, ModuleError, Output, PyRegex, Support, tools};

/// `community.general.parted`
pub static MODULE: Module = Module {
    name: "parted",
    collection: "community.general",
    spec: &ArgSpec {
        args: &[
            Arg::text("device").required(),
            Arg::text("align").default("optimal").choices(&["cylinder", "minimal", "none", "optimal", "undefined"]),
            Arg::int("number"),
            Arg::text("unit").default("KiB").choices(UNITS),
            Arg::text("label")
                .default("msdos")
                .choices(&["aix", "amiga", "bsd", "dvh", "gpt", "loop", "mac", "msdos", "pc98", "sun"]),
            Arg::text("part_type").default("primary").choices(&["extended", "logical", "primary"]),
            Arg::text("part_start").default("0%"),
            Arg::text("part_end").default("100%"),
            Arg::text("fs_type"),
            Arg::text("name"),
            Arg::list("flags").elements(Kind::Text),
            Arg::text("state").default("info").choices(&["absent", "info", "present"]),
            Arg::bool("resize").default("false"),
        ],
        required_if: &[("state", "present", &["number"]), ("state", "absent", &["number"])],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

const UNITS: &[&str] = &["B", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB", "s", "%", "cyl", "chs", "compact"];

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let call = Call { cx, args, parted: tools::need(cx, "parted")?, unit: args.need("unit") };
    let number = args.int("number");
    if number.is_some_and(|number| number < 1) {
        return Err(ModuleError::msg("The partition number must be greater then 0."));
    }
    for name in ["part_start", "part_end"] {
        let (size, unit) = parse_size(args.need(name), "")?;
        if !UNITS.contains(&unit.as_str()) {
            let msg = format!("The argument '{name}' doesn't respect required format.The size unit is case sensitive.");
            let parsed = List::from_iter([size, Value::from(unit)]);
            return Err(ModuleError::reply(Reply::failure(msg).with("err", parsed)));
        }
    }
    let version = call.version()?;
    let before = call.read()?;
    let (mut changed, mut done) = (false, Vec::new());
    match args.need("state") {
        "present" => {
            let number = number.unwrap_or_default();
            let script = call.layout(&before, number)?;
            let mut partitions = before.partitions;
            if !script.is_empty() {
                changed = true;
                call.write(&script, version)?;
                done.extend(script);
                if !cx.check() {
                    partitions = call.read()?.partitions;
                }
            }
            let found = partitions.iter().find(|p| p.number == number).filter(|_| !(changed && cx.check()));
            if found.is_some() || cx.check() {
                let script = call.attributes(found, number);
                if !script.is_empty() {
                    changed = true;
                    call.write(&script, version)?;
                    done.extend(script);
                }
            }
        }
        "absent" => {
            let number = number.unwrap_or_default();
            if cx.check() || before.partitions.iter().any(|p| p.number == number) {
                changed = true;
                done = vec!["rm".to_owned(), number.to_string()];
                call.write(&done, version)?;
            }
        }
        _ => done = ["unit", call.unit, "print"].map(str::to_owned).into(),
    }
    let after = call.read()?;
    let partitions: List = after.partitions.into_iter().map(|p| p.shown).collect();
    Ok(Reply::changed(changed).with("disk", after.disk).with("partitions", partitions).with("script", done))
}

/// A disk and its partitions, as shown in results.
struct Disk {
    disk: Map,
    partitions: Vec<Partition>,
}

struct Partition {
    number: i64,
    shown: Map,
}

impl Partition {
    fn flags(&self) -> Vec<&str> {
        let flags = self.shown.get("flags").and_then(Value::as_list);
        flags.map(|flags| flags.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
    }
}

struct Call<'a> {
    cx: &'a Context<'a>,
    args: &'a Args,
    parted: String,
    unit: &'a str,
}

impl Call<'_> {
    fn version(&self) -> Result<(u64, u64, u64), ModuleError> {
        let output = tools::run(self.cx, &[self.parted.as_str(), "--version"])?;
        let failure =
            || Reply::failure("Failed to get parted version.").with("rc", output.rc).with("out", output.out());
        if !output.success() {
            return Err(ModuleError::reply(failure().with("err", output.err())));
        }
        let text = output.out();
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let pattern = PyRegex::new(r"^parted.+\s(\d+)\.(\d+)(?:\.(\d+))?")?;
        let found = pattern.search(first.trim()).ok_or_else(|| ModuleError::reply(failure()))?;
        let part = |n: usize| found.get(n).and_then(|m| m.as_str().parse().ok()).unwrap_or_default();
        Ok((part(1), part(2), part(3)))
    }

    fn read(&self) -> Result<Disk, ModuleError> {
        let argv = [self.parted.as_str(), "-s", "-m", self.args.need("device"), "--", "unit", self.unit, "print"];
        let output = tools::run(self.cx, &argv)?;
        if !output.success() && !output.err().contains("unrecognised disk label") {
            let line = argv.join(" ");
            return Err(failure(
                format!("Error while getting device information with parted script: '{line}'"),
                &output,
            ));
        }
        parse(&output.out(), self.unit)
    }

    /// Gives a script to parted, unless in check mode.
    fn write(&self, script: &[String], version: (u64, u64, u64)) -> Result<(), ModuleError> {
        if self.cx.check() {
            return Ok(());
        }
        let (align, device) = (self.args.need("align"), self.args.need("device"));
        let mut argv = vec![self.parted.as_str(), "-s"];
        // parted can mend a table of the wrong size without asking since 3.4.64.
        if version >= (3, 4, 64) {
            argv.push("-f");
        }
        argv.push("-m");
        if align != "undefined" {
            argv.extend(["-a", align]);
        }
        argv.extend([device, "--"]);
        argv.extend(script.iter().map(String::as_str));
        let output = tools::run(self.cx, &argv)?;
        if output.success() {
            return Ok(());
        }
        Err(failure(format!("Error while running parted script: {}", argv.join(" ").trim()), &output))
    }

    /// What makes table and partition, and moves the partition's end.
    fn layout(&self, disk: &Disk, number: i64) -> Result<Vec<String>, ModuleError> {
        let args = self.args;
        let (label, end) = (args.need("label"), args.need("part_end"));
        let mut script: Vec<&str> = Vec::new();
        let relabel = disk.disk.get("table").and_then(Value::as_str) != Some(label);
        if relabel {
            script.extend(["mklabel", label]);
        }
        let found = disk.partitions.iter().find(|p| p.number == number);
        if relabel || found.is_none() {
            script.extend(["mkpart", args.need("part_type")]);
            script.extend(args.text("fs_type"));
            script.extend([args.need("part_start"), end]);
        }
        if !script.is_empty() {
            script.splice(0..0, ["unit", self.unit]);
        }
        let number_text = number.to_string();
        if let Some(found) = found.filter(|_| args.flag("resize")) {
            let now = found
                .shown
                .get("end")
                .and_then(Value::as_float)
                .ok_or_else(|| ModuleError::msg("resize needs a unit that is a number; chs is none".to_owned()))?;
            let (size, unit) = parse_size(end, self.unit)?;
            let size = size.as_float().unwrap_or_default();
            let whole = disk.disk.get("size").and_then(Value::as_float).unwrap_or_default();
            let wanted = if unit == "%" {
                in_bytes((whole.trunc() * size / 100.0).trunc(), self.unit)
            } else {
                in_bytes(size, &unit)
            };
            if in_bytes(now, self.unit) != wanted {
                script.extend(["resizepart", &number_text, end]);
            }
        }
        Ok(script.into_iter().map(str::to_owned).collect())
    }

    /// What brings name and flags of a partition about; `None` is one that check mode did not make.
    fn attributes(&self, found: Option<&Partition>, number: i64) -> Vec<String> {
        let number = number.to_string();
        let mut script = Vec::new();
        let named = found.and_then(|p| p.shown.get("name")).and_then(Value::as_str);
        if let Some(name) = self.args.text("name").filter(|name| named != Some(name)) {
            // The quotes are for parted, which splits names at spaces.
            script.extend(["name".to_owned(), number.clone(), format!("\"{name}\"")]);
        }
        let mut flags = self.args.texts("flags");
        if !flags.is_empty() {
            // parted sets both or none of them.
            if flags.contains(&"esp") && !flags.contains(&"boot") {
                flags.push("boot");
            }
            let now = found.map(Partition::flags).unwrap_or_default();
            let mut set = |flag: &str, to: &str| script.extend(["set", &number, flag, to].map(str::to_owned));
            flags.iter().filter(|flag| !now.contains(flag)).for_each(|flag| set(flag, "on"));
            now.iter().filter(|flag| !flags.contains(flag)).for_each(|flag| set(flag, "off"));
        }
        if !script.is_empty() {
            script.splice(0..0, ["unit".to_owned(), self.unit.to_owned()]);
        }
        script
    }
}

fn failure(msg: String, output: &Output) -> ModuleError {
    let reply = Reply::failure(msg).with("rc", output.rc).with("out", output.out());
    ModuleError::reply(reply.with("err", output.err()))
}

/// A number (or cylinder, head and sector) and its unit.
fn parse_size(text: &str, unit: &str) -> Result<(Value, String), ModuleError> {
    let bad = || ModuleError::msg(format!("Error interpreting parted size output: '{text}'"));
    if let Some(found) = PyRegex::new(r"^(-?[\d.]+) *([\w%]+)?$")?.search(text) {
        let number: f64 = found.get(1).and_then(|m| m.as_str().parse().ok()).ok_or_else(bad)?;
        return Ok((number.into(), found.get(2).map_or(unit, |m| m.as_str()).to_owned()));
    }
    let parts: Vec<i64> = text.split(',').filter_map(|part| part.parse().ok()).collect();
    let [cylinder, head, sector] = parts.try_into().map_err(|_| bad())?;
    let position = Map::from_iter([("cylinder", cylinder), ("head", head), ("sector", sector)]);
    Ok((position.into(), "chs".to_owned()))
}

/// Bytes of a number in a unit; units that are none of bytes count as themselves.
fn in_bytes(number: f64, unit: &str) -> i64 {
    let power = |units: &[&str]| units.iter().position(|known| *known == unit);
    let factor = if let Some(n) = power(&["B", "KB", "MB", "GB", "TB"]) {
        1000_f64.powi(n as i32)
    } else if let Some(n) = power(&["KiB", "MiB", "GiB", "TiB"]) {
        1024_f64.powi(n as i32 + 1)
    } else if ["", "compact", "cyl", "chs"].contains(&unit) {
        1_000_000.0
    } else {
        1.0
    };
    (number * factor) as i64
}

/// parted's output for programs: a line of the unit, one of the disk, with `CYL` and `CHS` one of its geometry, and one
/// for each partition; fields are separated by colons.
fn parse(text: &str, unit: &str) -> Result<Disk, ModuleError> {
    let unreadable = || ModuleError::msg(format!("could not read what parted printed: {}", text.trim()));
    let rows = text.lines().filter(|line| !line.trim().is_empty()).skip(1);
    let mut rows = rows.map(|line| line.trim_end_matches(';').split(':').collect::<Vec<_>>());
    let disk = rows.next().filter(|row| row.len() > 6).ok_or_else(unreadable)?;
    let number = |text: &str| text.parse::<i64>().map_err(|_| unreadable());
    let (size, unit) = parse_size(disk[1], unit)?;
    let mut shown =
        Map::from_iter([("dev", Value::from(disk[0])), ("size", size), ("unit", unit.to_lowercase().into())]);
    shown.insert("table", disk[5]);
    shown.insert("model", disk[6]);
    shown.insert("logical_block", number(disk[3])?);
    shown.insert("physical_block", number(disk[4])?);
    if ["cyl", "chs"].contains(&unit.as_str()) {
        let geometry = rows.next().filter(|row| row.len() > 3).ok_or_else(unreadable)?;
        let (size, size_unit) = parse_size(geometry[3], "")?;
        let mut chs = Map::new();
        for (name, text) in ["cylinders", "heads", "sectors"].into_iter().zip(&geometry) {
            chs.insert(name, number(text)?);
        }
        chs.insert("cyl_size", size);
        chs.insert("cyl_size_unit", size_unit.to_lowercase());
        shown.insert("chs_info", chs);
    }
    let mut partitions = Vec::new();
    for row in rows {
        // With chs there is no size.
        let rest = if unit == "chs" { 3 } else { 4 };
        if row.len() < rest + 3 {
            return Err(unreadable());
        }
        let size = if unit == "chs" { Value::from("") } else { parse_size(row[3], "")?.0 };
        let flags: Vec<&str> = row[rest + 2].split(", ").filter(|f| !f.is_empty()).map(str::trim).collect();
        let number = number(row[0])?;
        let shown = Map::from_iter([
            ("num", Value::from(number)),
            ("begin", parse_size(row[1], "")?.0),
            ("end", parse_size(row[2], "")?.0),
            ("size", size),
            ("fstype", row[rest].into()),
            ("name", row[rest + 1].into()),
            ("flags", flags.into()),
            ("unit", unit.to_lowercase().into()),
        ]);
        partitions.push(Partition { number, shown });
    }
    Ok(Disk { disk: shown, partitions })
}

#[cfg(test)]
mod tests {
    use rplay_protocol::Reply;
    use rplay_value::Value;

    use super::in_bytes;
    use crate::testing::{Fake, args};

    const EMPTY: &str = "BYT;\n/dev/x:10240kiB:file:512:512:unknown::;\n";
    const ONE: &str = "BYT;\n/dev/x:10240kiB:file:512:512:gpt:Disk:;\n1:1024kiB:9216kiB:8192kiB:ext4:data:boot, esp;\n";

    fn fake(prints: &[&str]) -> Fake {
        let fake = Fake::new().unwrap().on("parted --version", 0, "parted (GNU parted) 3.5\n").on("parted", 0, "");
        prints.iter().fold(fake, |fake, print| fake.on("parted -s -m", 0, print))
    }

    fn call(fake: &Fake, given: &[(&'static str, &str)]) -> Reply {
        fake.call("community.general.parted", args([("device", "/dev/x")].into_iter().chain(given.iter().copied())))
    }

    fn script(reply: &Reply) -> String {
        let words = reply.data.get("script").and_then(Value::as_list).unwrap();
        words.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn disks_are_read() {
        let reply = call(&fake(&[ONE]), &[]);
        assert!(!reply.changed);
        let disk = reply.data.get("disk").unwrap();
        assert_eq!((disk.get("size"), disk.get("unit")), (Some(&10240.0.into()), Some(&"kib".into())));
        let partition = &reply.data.get("partitions").and_then(Value::as_list).unwrap()[0];
        assert_eq!(partition.get("flags"), Some(&vec!["boot", "esp"].into()));
        assert_eq!(script(&reply), "unit KiB print");
        let chs = "CHS;\n/dev/x:1,2,3:file:512:512:msdos::;\n1:255:63:8225kB;\n1:0,0,1:1,1,1::lba;\n";
        assert!(call(&fake(&[chs]), &[]).failed, "a row that is too short is refused");
    }

    #[test]
    fn tables_and_partitions_are_made() {
        let disk = fake(&[EMPTY, ONE]);
        let given = [("number", "1"), ("state", "present"), ("label", "gpt"), ("name", "a b"), ("flags", "esp")];
        let reply = call(&disk, &given);
        assert!(reply.changed, "{reply:?}");
        assert_eq!(script(&reply), "unit KiB mklabel gpt mkpart primary 0% 100% unit KiB name 1 \"a b\"");
        assert_eq!(
            disk.command_lines()[2],
            "parted -s -f -m -a optimal /dev/x -- unit KiB mklabel gpt mkpart primary 0% 100%"
        );
        let same = [("number", "1"), ("state", "present"), ("label", "gpt"), ("name", "data"), ("flags", "boot,esp")];
        assert!(!call(&fake(&[ONE]), &same).changed);
        let gone = [("number", "1"), ("state", "absent")];
        assert_eq!(script(&call(&fake(&[ONE]), &gone)), "rm 1");
        assert!(!call(&fake(&[EMPTY]), &gone).changed);
    }

    #[test]
    fn partitions_are_resized() {
        let grow =
            |end| [("number", "1"), ("state", "present"), ("label", "gpt"), ("resize", "yes"), ("part_end", end)];
        assert_eq!(script(&call(&fake(&[ONE]), &grow("100%"))), "resizepart 1 100%");
        assert!(!call(&fake(&[ONE]), &grow("9MiB")).changed);
        assert!(!call(&fake(&[ONE]), &grow("90%")).changed);
        assert_eq!((in_bytes(1.5, "KiB"), in_bytes(2.0, "MB"), in_bytes(3.0, "s")), (1536, 2_000_000, 3));
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let msg = |given: &[(&'static str, &str)]| call(&fake(&[ONE]), given).data.get("msg").unwrap().to_string();
        assert_eq!(msg(&[("number", "0")]), "The partition number must be greater then 0.");
        assert_eq!(
            msg(&[("part_end", "1gib")]),
            "The argument 'part_end' doesn't respect required format.The size unit is case sensitive."
        );
        assert_eq!(msg(&[("part_start", "x")]), "Error interpreting parted size output: 'x'");
        assert_eq!(msg(&[("state", "present")]), "state is present but all of the following are missing: number");
        let broken = Fake::new().unwrap().on("parted --version", 0, "parted (GNU parted) 3.5\n").on("parted -s", 1, "");
        assert!(call(&broken, &[]).data.get("msg").unwrap().to_string().contains("device information"));
    }
}
