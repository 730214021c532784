//! Sets the system's time zone and what its hardware clock keeps.
//!
//! Options:
//! - `name`: the zone, such as `Europe/Berlin`.
//! - `hwclock` (alias `rtc`): whether the hardware clock keeps `UTC` or `local` time.
//!
//! With `timedatectl` where that answers, else by the distribution's files, `hwclock`, and what puts a zone in place.
//!
//! Returns: `diff`, `msg` (what was done).
//!
//! Check mode: full. Diff: full.
//!
//! Example:
//! ```yaml
//! - community.general.timezone:
//!     name: Etc/UTC
//! ```

use rplay_protocol::{Diff, Reply};
use rplay_value::Map;

use crate::convert::python_str;
use crate::facts::distribution_and_family;
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Replace, Support, tools};

/// `community.general.timezone`
pub static MODULE: Module = Module {
    name: "timezone",
    collection: "community.general",
    spec: &ArgSpec {
        args: &[Arg::text("hwclock").alias(&["rtc"]).choices(&["local", "UTC"]), Arg::text("name")],
        one_of: &[&["hwclock", "name"]],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

/// What can be set, in the order in which the collection does.
const KEYS: [&str; 2] = ["hwclock", "name"];

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let mut clock = Clock { cx, args, way: Way::of(cx)?, done: Vec::new() };
    if let Some(zone) = args.text("name").filter(|zone| !cx.path(format!("{ZONES}{zone}")).is_file()) {
        return Err(clock.abort(&format!("given timezone \"{zone}\" is not available")));
    }
    let before = clock.values(true)?;
    let planned: Map = KEYS.into_iter().filter_map(|key| Some((key, args.text(key)?))).collect();
    let after = if cx.check() {
        planned
    } else {
        for (key, value) in &planned {
            let (key, value) = (key.as_str().unwrap_or_default(), value.as_str().unwrap_or_default());
            if before.get(key).and_then(rplay_value::Value::as_str) != Some(value) {
                clock.set(key, value)?;
            }
        }
        let after = clock.values(false)?;
        if after != planned {
            let (planned, after) = (python_str(&planned.into()), python_str(&after.into()));
            return Err(clock.abort(&format!(
                "still not desired state, though changes have made - planned: {planned}, after: {after}"
            )));
        }
        after
    };
    let mut reply = Reply::changed(before != after).with_diff(Some(Diff::attributes(before, after)));
    if !clock.done.is_empty() {
        reply = reply.with("msg", clock.done.join("\n"));
    }
    Ok(reply)
}

const ZONES: &str = "/usr/share/zoneinfo/";
const LOCALTIME: &str = "/etc/localtime";

/// How the zone and the clock are asked and set.
enum Way {
    Systemd(String),
    Files(Files),
}

/// Where a distribution without systemd keeps them.
struct Files {
    /// The file that names the zone, and the name of the setting; nothing where the file holds the zone alone.
    zone: (&'static str, Option<&'static str>),
    hwclock: &'static str,
    put: Put,
}

/// What puts a zone in place once the file names it.
enum Put {
    /// Debian's link and its package.
    Debian,
    /// Alpine's `setup-timezone`.
    Alpine,
    /// `tzdata-update`.
    Update(String),
    Copy,
}

impl Way {
    fn of(cx: &Context<'_>) -> Result<Self, ModuleError> {
        if let Some(program) = tools::find(cx, "timedatectl")
            && tools::run(cx, &[&program])?.success()
        {
            return Ok(Self::Systemd(program));
        }
        tools::need(cx, "hwclock")?;
        let distribution = distribution_and_family(cx).0;
        let plain = ("/etc/timezone", None);
        Ok(Self::Files(if tools::find(cx, "dpkg-reconfigure").is_some() {
            Files { zone: plain, hwclock: "/etc/default/rcS", put: Put::Debian }
        } else if distribution == "Alpine" {
            Files { zone: plain, hwclock: "/etc/conf.d/hwclock", put: Put::Alpine }
        } else if distribution == "Gentoo" {
            Files { zone: plain, hwclock: "/etc/conf.d/hwclock", put: Put::Copy }
        } else {
            let file = "/etc/sysconfig/clock";
            let text = fs_err::read_to_string(cx.path(file)).ok();
            let suse = text.map_or(distribution.starts_with("SLE"), |text| {
                text.lines().any(|line| Setting::Named("TIMEZONE").value(line).is_some())
            });
            // Its update does not work where the zone is a link.
            let update = tools::find(cx, "tzdata-update").filter(|_| !cx.path(LOCALTIME).is_symlink());
            let name = if suse { "TIMEZONE" } else { "ZONE" };
            Files { zone: (file, Some(name)), hwclock: file, put: update.map_or(Put::Copy, Put::Update) }
        }))
    }
}

/// A line of a file that is looked for.
#[derive(Clone, Copy)]
enum Setting {
    /// `NAME=value`, quoted or not.
    Named(&'static str),
    /// The first word of a line.
    Word,
    /// `UTC` or `LOCAL`, alone.
    Kept,
}

impl Setting {
    fn value(self, line: &str) -> Option<&str> {
        match self {
            Self::Named(name) => {
                let rest = line.strip_prefix(name)?.trim_start().strip_prefix('=')?.trim_start();
                let rest = rest.strip_prefix('"').unwrap_or(rest);
                let value = rest.split([' ', '\t', '"']).next()?;
                (!value.is_empty()).then_some(value)
            }
            Self::Word if line.starts_with(char::is_whitespace) => None,
            Self::Word => line.split_whitespace().next(),
            Self::Kept => Some(line).filter(|line| matches!(*line, "UTC" | "LOCAL")),
        }
    }
}

struct Clock<'a, 'c> {
    cx: &'a Context<'c>,
    args: &'a Args,
    way: Way,
    /// What was done, told at the end.
    done: Vec<String>,
}

impl Clock<'_, '_> {
    fn abort(&self, msg: &str) -> ModuleError {
        let mut lines = vec!["Error message:", msg];
        if !self.done.is_empty() {
            lines.push("Other message(s):");
        }
        lines.extend(self.done.iter().map(String::as_str));
        ModuleError::msg(lines.join("\n"))
    }

    fn execute(&mut self, argv: &[&str], told: bool) -> Result<String, ModuleError> {
        let output = tools::run_checked(self.cx, argv)?;
        if told {
            self.done.push(format!("executed `{}`", argv.join(" ")));
        }
        Ok(output.out())
    }

    /// What is set now, of what is asked for.
    fn values(&mut self, first: bool) -> Result<Map, ModuleError> {
        let mut values = Map::new();
        let mut status = None;
        for key in KEYS {
            let Some(planned) = self.args.text(key) else { continue };
            let value = match &self.way {
                Way::Systemd(program) => {
                    let program = program.clone();
                    let text = status.take().map_or_else(|| self.execute(&[&program, "status"], false), Ok)?;
                    let value = shown(&text, key);
                    status = Some(text);
                    value
                }
                Way::Files(files) if key == "hwclock" => {
                    let value = self.setting(files.hwclock, Setting::Named("UTC"), key)?;
                    let value = value.map(|value| if yes(&value) { "UTC" } else { "local" });
                    if value == Some(planned) {
                        let kept = self.setting("/etc/adjtime", Setting::Kept, key)?;
                        kept.map(|kept| if kept == "UTC" { kept } else { "local".to_owned() })
                            .or_else(|| Some("UTC".to_owned()))
                    } else {
                        value.map(str::to_owned)
                    }
                }
                Way::Files(files) => {
                    let (file, name) = files.zone;
                    let value = self.setting(file, name.map_or(Setting::Word, Setting::Named), key)?;
                    if value.is_none() && !first && self.cx.path(file).exists() {
                        return Err(self.abort(&format!(
                            "tried to configure {key} using a file \"{file}\", but could not find a valid value in it"
                        )));
                    }
                    if value.as_deref() == Some(planned) { self.in_place(planned) } else { value }
                }
            };
            values.insert(key, value.unwrap_or_else(|| "n/a".to_owned()));
        }
        Ok(values)
    }

    /// The first value of a file that may be missing.
    fn setting(&self, file: &str, setting: Setting, key: &str) -> Result<Option<String>, ModuleError> {
        match std::fs::read_to_string(self.cx.path(file)) {
            Ok(text) => Ok(text.lines().find_map(|line| setting.value(line)).map(str::to_owned)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(_) => {
                Err(self.abort(&format!("tried to configure {key} using a file \"{file}\", but could not read it")))
            }
        }
    }

    /// The zone that `/etc/localtime` is, where the file names `planned`.
    fn in_place(&self, planned: &str) -> Option<String> {
        let path = self.cx.path(LOCALTIME);
        if path.is_symlink() {
            let there = self.cx.path(format!("{ZONES}{planned}"));
            let link = std::fs::read_link(&path).ok()?;
            let link = link.to_str()?;
            let zone = link.split_once("/usr/share/zoneinfo/").or_else(|| link.split_once("/etc/zoneinfo/"))?.1;
            return (zone != planned || there.exists()).then(|| zone.to_owned());
        }
        let (one, other) = (fs_err::read(path).ok()?, fs_err::read(self.cx.path(format!("{ZONES}{planned}"))).ok()?);
        (one == other).then(|| planned.to_owned())
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), ModuleError> {
        let files = match &self.way {
            Way::Systemd(program) => {
                let program = program.clone();
                let words = match (key, value) {
                    ("hwclock", "local") => ["set-local-rtc", "yes"],
                    ("hwclock", _) => ["set-local-rtc", "no"],
                    _ => ["set-timezone", value],
                };
                return self.execute(&[&program, words[0], words[1]], true).map(drop);
            }
            Way::Files(files) => files,
        };
        if key == "hwclock" {
            let (option, utc) = if value == "local" { ("--localtime", "no") } else { ("--utc", "yes") };
            let file = files.hwclock;
            self.edit(file, Setting::Named("UTC"), &format!("UTC={utc}\n"), key)?;
            let hwclock = tools::need(self.cx, "hwclock")?;
            return self.execute(&[&hwclock, "--systohc", option], true).map(drop);
        }
        let zone = format!("{ZONES}{value}");
        let commands: Vec<Vec<String>> = match &files.put {
            Put::Debian => vec![
                vec![tools::need(self.cx, "ln")?, "-sf".to_owned(), zone, LOCALTIME.to_owned()],
                [&tools::need(self.cx, "dpkg-reconfigure")?, "--frontend", "noninteractive", "tzdata"]
                    .map(str::to_owned)
                    .to_vec(),
            ],
            Put::Alpine => vec![vec![tools::need(self.cx, "setup-timezone")?, "-z".to_owned(), value.to_owned()]],
            Put::Update(program) => vec![vec![program.clone()]],
            Put::Copy => {
                vec![vec![tools::need(self.cx, "cp")?, "--remove-destination".to_owned(), zone, LOCALTIME.to_owned()]]
            }
        };
        let (file, name) = files.zone;
        let (setting, line) = match name {
            Some(name) => (Setting::Named(name), format!("{name}=\"{value}\"\n")),
            None => (Setting::Word, format!("{value}\n")),
        };
        self.edit(file, setting, &line, key)?;
        for command in &commands {
            self.execute(&command.iter().map(String::as_str).collect::<Vec<_>>(), false)?;
        }
        Ok(())
    }

    /// Puts a line where the first one that fits stands, and takes the others out.
    fn edit(&mut self, file: &str, setting: Setting, line: &str, key: &str) -> Result<(), ModuleError> {
        let path = self.cx.path(file);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(_) => {
                return Err(
                    self.abort(&format!("tried to configure {key} using a file \"{file}\", but could not read it"))
                );
            }
        };
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let fits = |line: &&str| setting.value(line.trim_end_matches('\n')).is_some();
        let first = lines.iter().position(&fits).unwrap_or(0);
        let count = lines.iter().filter(|line| fits(line)).count();
        let mut kept: Vec<&str> = lines[..first].to_vec();
        kept.push(line);
        kept.extend(lines[first..].iter().filter(|line| !fits(line)));
        let new = !path.exists();
        Replace::new(&path).write(self.cx.sys(), kept.concat().as_bytes())?;
        if new {
            fs_err::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        }
        self.done.push(format!("Added 1 line and deleted {count} line(s) on {file}"));
        Ok(())
    }
}

/// A value of `timedatectl status`.
fn shown(status: &str, key: &str) -> Option<String> {
    let names: &[&str] = if key == "hwclock" { &["RTC in local TZ"] } else { &["Time zone", "Timezone"] };
    let value = status.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        names.contains(&name.trim()).then(|| value.split_whitespace().next()).flatten()
    })?;
    Some(match key {
        "hwclock" if yes(value) => "local".to_owned(),
        "hwclock" => "UTC".to_owned(),
        _ => value.to_owned(),
    })
}

fn yes(word: &str) -> bool {
    matches!(word.to_lowercase().as_str(), "yes" | "y" | "on" | "true" | "t" | "1")
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn by_systemd() {
        let status = "  Local time: Sat 2026-11-21\n   Time zone: Etc/UTC (UTC, +0000)\nRTC in local TZ: no\n";
        let fake = Fake::new().unwrap().on("timedatectl set-", 0, "").on("timedatectl", 0, status);
        fake.write("/usr/share/zoneinfo/Etc/UTC", "").unwrap();
        fake.write("/usr/share/zoneinfo/Europe/Berlin", "").unwrap();
        assert!(!fake.call("timezone", args([("name", "Etc/UTC"), ("hwclock", "UTC")])).changed);
        assert!(fake.check("timezone", args([("name", "Europe/Berlin")])).changed);
        // What is asked afterwards is still the old one here.
        let reply = fake.call("community.general.timezone", args([("name", "Europe/Berlin")]));
        let msg = reply.data.get("msg").unwrap().as_str().unwrap();
        assert!(reply.failed && msg.contains("still not desired state"), "{msg}");
        assert!(fake.command_lines().contains(&"timedatectl set-timezone Europe/Berlin".to_owned()));
        assert!(fake.call("timezone", args([("name", "Mars/Base")])).failed);
    }

    #[test]
    fn by_files() {
        let fake = Fake::new()
            .unwrap()
            .on("timedatectl", 1, "")
            .on("hwclock", 0, "")
            .on("dpkg-reconfigure", 0, "")
            .on("ln", 0, "");
        fake.write("/usr/share/zoneinfo/Etc/UTC", "").unwrap();
        fake.write("/etc/localtime", "").unwrap();
        fake.write("/etc/timezone", "Europe/Berlin\n").unwrap();
        fake.write("/etc/default/rcS", "UTC=yes\n").unwrap();
        let reply = fake.call("timezone", args([("name", "Etc/UTC"), ("hwclock", "local")]));
        assert_eq!(fake.read("/etc/timezone").unwrap(), "Etc/UTC\n");
        assert_eq!(fake.read("/etc/default/rcS").unwrap(), "UTC=no\n");
        let lines = fake.command_lines();
        assert!(lines.contains(&"ln -sf /usr/share/zoneinfo/Etc/UTC /etc/localtime".to_owned()), "{lines:?}");
        assert!(lines.contains(&"hwclock --systohc --localtime".to_owned()), "{lines:?}");
        // The clock's own file did not change: its tool is a fake.
        assert!(reply.failed, "{reply:?}");
    }
}
