//! Lists what is mounted, and what files say is to be mounted, as facts.
//!
//! Options:
//! - `sources` (list, default `all`): files to read, `mount` (the program), or `dynamic` (`/etc/mtab`, `/proc/mounts`,
//!   `/etc/mnttab`), `static` (`/etc/fstab`, `/etc/vfstab`, `/etc/filesystems`), `all` (both). What is missing is skipped.
//! - `mount_binary` (default `mount`; null for none): asked when no dynamic source has anything.
//! - `devices`, `fstypes` (lists): globs of devices and of types to list.
//! - `timeout` (seconds): for the size of one file system and for each program. Without it a size may take ten seconds.
//! - `on_timeout` (default `error`): `error`, `warn`, `ignore`.
//! - `include_aggregate_mounts`: return every entry, not only the first of each mount point, as `aggregate_mounts`.
//!
//! Returns: `ansible_facts` with `mount_points` and `aggregate_mounts`.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - mount_facts:
//!     fstypes: [nfs, nfs4]
//!     timeout: 10
//! ```

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use crate::facts::sizes;
use crate::glob::fnmatch;
use crate::mount_tables::{Entry, in_file, in_output};
use crate::{Arg, ArgSpec, Args, Context, Kind, Module, ModuleError, Output, Support, real_path, tools};

/// `ansible.builtin.mount_facts`
pub static MODULE: Module = Module {
    name: "mount_facts",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::list("sources"),
            Arg::raw("mount_binary").default("mount"),
            Arg::list("devices"),
            Arg::list("fstypes"),
            Arg::new("timeout", Kind::Float),
            Arg::text("on_timeout").choices(&["error", "warn", "ignore"]).default("error"),
            Arg::bool("include_aggregate_mounts"),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

const STATIC: [&str; 3] = ["/etc/fstab", "/etc/vfstab", "/etc/filesystems"];
const DYNAMIC: [&str; 3] = ["/etc/mtab", "/proc/mounts", "/etc/mnttab"];
/// How long a size may take when nothing is said, as for the mounts that `setup` lists.
const PATIENCE: f64 = 10.0;
/// What `timeout` ends with when it ended the program.
const TIMED_OUT: i32 = 124;

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let timeout = args.float("timeout");
    if let Some(seconds) = timeout.filter(|seconds| *seconds <= 0.0) {
        let shown = Value::Float(seconds).repr();
        let msg = format!("argument 'timeout' must be a positive number or null, not {shown}");
        return Err(ModuleError::msg(msg));
    }
    let program = args.get("mount_binary");
    if let Some(other) = program.filter(|value| value.as_str().is_none()) {
        let msg = format!("argument 'mount_binary' must be a string or null, not {other}");
        return Err(ModuleError::msg(msg));
    }
    let mut search = Search {
        timeout,
        on_timeout: args.need("on_timeout").to_owned(),
        program: program.and_then(Value::as_str).unwrap_or_default().to_owned(),
        block_devices: None,
        cx,
    };
    let sources = sources(&args.texts("sources"))?;
    let distinct: HashSet<&str> = sources.iter().copied().collect();
    if distinct.len() < sources.len() {
        let shown = Value::from(sources.clone()).repr();
        let text =
            format!("mount_facts option 'sources' contains duplicate entries, repeat sources will be ignored: {shown}");
        search.cx.warn(text);
    }
    let (devices, types) = (args.texts("devices"), args.texts("fstypes"));
    let passes = |globs: &[&str], text: &str| globs.is_empty() || globs.iter().any(|glob| fnmatch(glob, text));
    let mut mounts: Vec<(String, Map)> = Vec::new();
    for (source, mut entry) in search.entries(&sources)? {
        let mut device = entry.text("device").to_owned();
        let uuid = device.strip_prefix("UUID=").map(str::to_owned);
        if let Some(uuid) = &uuid {
            device = search.device_of(uuid)?.unwrap_or(device);
        }
        if !passes(&devices, &device) || !passes(&types, entry.text("fstype")) {
            continue;
        }
        search.add_size(&mut entry)?;
        let uuid = match uuid {
            Some(uuid) => Some(uuid),
            None => search.uuid_of(&device)?,
        };
        let origin =
            Map::from_iter([("source", Value::from(source.as_str())), ("source_data", Value::from(entry.lines))]);
        entry.fields.insert("ansible_context", origin);
        entry.fields.insert("uuid", uuid.map_or(Value::Null, Value::from));
        mounts.push((source, entry.fields));
    }
    let aggregate = args.bool("include_aggregate_mounts");
    if aggregate.is_none() {
        warn_of_repeats(cx, &mounts);
    }
    let mut points = Map::new();
    let mut all = List::new();
    for (_, fields) in mounts {
        let point = mount_point(&fields);
        if !points.contains(&point) {
            points.insert(point, fields.clone());
        }
        if aggregate == Some(true) {
            all.push(Value::from(fields));
        }
    }
    let facts = Map::from_iter([("mount_points", Value::from(points)), ("aggregate_mounts", Value::from(all))]);
    Ok(Reply::ok().with("ansible_facts", facts))
}

fn mount_point(fields: &Map) -> String {
    fields.get("mount").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The files that are asked for, in order.
fn sources<'a>(asked: &[&'a str]) -> Result<Vec<&'a str>, ModuleError> {
    let mut all: Vec<&str> = Vec::new();
    for source in if asked.is_empty() { &["all"][..] } else { asked } {
        match *source {
            "" => return Err(ModuleError::msg("sources contains an empty string")),
            "dynamic" => all.extend(DYNAMIC),
            "static" => all.extend(STATIC),
            "all" => all.extend(DYNAMIC.iter().chain(&STATIC)),
            file => all.push(file),
        }
    }
    Ok(all)
}

/// Tells of sources that list a mount point twice.
fn warn_of_repeats(cx: &mut Context<'_>, mounts: &[(String, Map)]) {
    let mut by_source: Vec<(&str, Vec<String>)> = Vec::new();
    for (source, fields) in mounts {
        match by_source.iter_mut().find(|(known, _)| known == source) {
            Some((_, points)) => points.push(mount_point(fields)),
            None => by_source.push((source, vec![mount_point(fields)])),
        }
    }
    let repeats: Vec<String> = by_source
        .into_iter()
        .filter(|(_, points)| points.iter().collect::<HashSet<_>>().len() < points.len())
        .map(|(source, points)| format!("{source} ({})", Value::from(points).repr()))
        .collect();
    if !repeats.is_empty() {
        cx.warn(format!(
            "mount_facts: ignoring repeat mounts in the following sources: {}. You can disable this warning by configuring the 'include_aggregate_mounts' option as True or False.",
            repeats.join(", ")
        ));
    }
}

/// Asks files and programs, none longer than it may take.
struct Search<'a, 'c> {
    cx: &'a mut Context<'c>,
    timeout: Option<f64>,
    on_timeout: String,
    /// The program that lists mounts, empty for none.
    program: String,
    /// Devices and file system ids as `lsblk` lists them, once asked.
    block_devices: Option<Vec<(String, String)>>,
}

impl Search<'_, '_> {
    fn entries(&mut self, sources: &[&str]) -> Result<Vec<(String, Entry)>, ModuleError> {
        let mut ask_program = !self.program.is_empty() && sources.iter().any(|source| DYNAMIC.contains(source));
        let mut seen: HashSet<PathBuf> = HashSet::new();
        let mut all = Vec::new();
        for source in sources {
            let entries = if *source == "mount" {
                if !seen.insert(PathBuf::from(source)) {
                    continue;
                }
                in_output(&self.mount()?)
            } else {
                let real = real_path(&self.cx.path(source));
                if seen.contains(Path::new(source)) || !seen.insert(real.clone()) {
                    continue;
                }
                in_file(&String::from_utf8_lossy(&std::fs::read(real).unwrap_or_default()))
            };
            if !entries.is_empty() && (*source == "mount" || DYNAMIC.contains(source)) {
                ask_program = false;
            }
            all.extend(entries.into_iter().map(|entry| ((*source).to_owned(), entry)));
        }
        if ask_program {
            all.extend(in_output(&self.mount()?).into_iter().map(|entry| ("mount".to_owned(), entry)));
        }
        Ok(all)
    }

    fn mount(&mut self) -> Result<String, ModuleError> {
        let program = self.cx.sys().need(&self.program)?;
        let Some(output) = self.ask(&[&program], &format!("'{program}'"))? else { return Ok(String::new()) };
        if !output.success() {
            let why = format!("Command '{program}' returned non-zero exit status {}.", output.rc);
            return Err(ModuleError::msg(format!("Failed to execute {program}: {why}")));
        }
        Ok(output.out())
    }

    /// Runs a program; nothing when it took too long and that is no error. `shown` is the command in that message.
    fn ask(&mut self, argv: &[&str], shown: &str) -> Result<Option<Output>, ModuleError> {
        let Some(seconds) = self.timeout else { return tools::run(self.cx, argv).map(Some) };
        let limit = seconds.to_string();
        let output = tools::run(self.cx, &[&["timeout", limit.as_str()], argv].concat())?;
        if output.rc != TIMED_OUT {
            return Ok(Some(output));
        }
        let seconds = Value::Float(seconds).repr();
        self.late(format!("Command {shown} timed out after {seconds} seconds"))?;
        Ok(None)
    }

    /// What happens when something took too long.
    fn late(&mut self, text: String) -> Result<(), ModuleError> {
        match self.on_timeout.as_str() {
            "error" => Err(ModuleError::msg(text)),
            "warn" => {
                self.cx.warn(text);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn add_size(&mut self, entry: &mut Entry) -> Result<(), ModuleError> {
        let path = self.cx.path(entry.text("mount"));
        let seconds = self.timeout.unwrap_or(PATIENCE);
        // In a thread of its own: a dead NFS server holds up whoever asks.
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || sender.send(sizes(&path)));
        let limit = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        let Ok(found) = receiver.recv_timeout(limit) else {
            let shown = if self.timeout.is_some() { Value::Float(seconds).repr() } else { "10".to_owned() };
            let (mount, kind) = (entry.text("mount"), entry.text("fstype"));
            return self
                .late(format!("Timed out getting mount size for mount {mount} (type {kind}) after {shown} seconds"));
        };
        for (name, value) in found.unwrap_or_default() {
            entry.fields.insert(name, value);
        }
        Ok(())
    }

    /// The device that has a file system of this id, as `blkid` prints it.
    fn device_of(&mut self, uuid: &str) -> Result<Option<String>, ModuleError> {
        let Some(blkid) = tools::find(self.cx, "blkid") else { return Ok(None) };
        let shown = Value::from(vec![blkid.as_str(), "--uuid", uuid]).repr();
        let output = self.ask(&[&blkid, "--uuid", uuid], &shown)?;
        Ok(output.filter(Output::success).map(|output| output.out()).filter(|text| !text.is_empty()))
    }

    /// The id of a device's file system: udev's links, then `lsblk`, then `udevadm`.
    fn uuid_of(&mut self, device: &str) -> Result<Option<String>, ModuleError> {
        if !device.starts_with('/') {
            return Ok(None);
        }
        for entry in std::fs::read_dir(self.cx.path("/dev/disk/by-uuid")).into_iter().flatten().flatten() {
            if real_path(&entry.path()) == self.cx.path(device) {
                return Ok(Some(entry.file_name().to_string_lossy().into_owned()));
            }
        }
        if self.block_devices.is_none() {
            self.block_devices = Some(self.lsblk()?);
        }
        let known = self.block_devices.iter().flatten().find(|(name, _)| name == device);
        if let Some((_, uuid)) = known {
            return Ok(Some(uuid.clone()));
        }
        let Some(udevadm) = tools::find(self.cx, "udevadm") else { return Ok(None) };
        let argv = [udevadm.as_str(), "info", "--query", "property", "--name", device];
        let output = self.ask(&argv, &Value::from(argv.to_vec()).repr())?.filter(Output::success);
        let text = output.map(|output| output.out()).unwrap_or_default();
        Ok(text.lines().find_map(|line| line.strip_prefix("ID_FS_UUID=")).map(str::to_owned))
    }

    fn lsblk(&mut self) -> Result<Vec<(String, String)>, ModuleError> {
        let Some(lsblk) = tools::find(self.cx, "lsblk") else { return Ok(Vec::new()) };
        let argv = [lsblk.as_str(), "--list", "--noheadings", "--paths", "--output", "NAME,UUID", "--exclude", "2"];
        let output = self.ask(&argv, &Value::from(argv.to_vec()).repr())?.filter(Output::success);
        let text = output.map(|output| output.out()).unwrap_or_default();
        let pairs = text.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            let pair = (words.next()?.to_owned(), words.next()?.to_owned());
            words.next().is_none().then_some(pair)
        });
        Ok(pairs.collect())
    }
}

#[cfg(test)]
mod tests {
    use rplay_protocol::Reply;
    use rplay_value::Value;

    use crate::testing::{Fake, args};

    fn points(reply: &Reply) -> Vec<String> {
        let facts = reply.data.get("ansible_facts").and_then(Value::as_map).unwrap();
        let points = facts.get("mount_points").and_then(Value::as_map).unwrap();
        points.texts().map(|(name, _)| name.to_string()).collect()
    }

    #[test]
    fn the_first_definition_of_a_mount_point_counts() {
        let fake = Fake::new().unwrap();
        fake.write("/etc/fstab", "/dev/b / ext4 rw 0 0\nsrv:/x /x nfs rw\n").unwrap();
        fake.write("/proc/mounts", "/dev/a / ext4 rw 0 0\ntmpfs /run tmpfs rw 0 0\ntmpfs /run tmpfs ro 0 0\n").unwrap();
        let reply = fake.call("mount_facts", args([("sources", "all")]));
        assert_eq!(points(&reply), ["/", "/run", "/x"]);
        assert_eq!(reply.warnings.len(), 1, "{:?}", reply.warnings);
        assert!(reply.warnings[0].contains("/proc/mounts (['/', '/run', '/run'])"));
        let reply = fake.call("mount_facts", args([("devices", "[!/]*"), ("include_aggregate_mounts", "no")]));
        assert_eq!(points(&reply), ["/run", "/x"]);
        assert_eq!(points(&fake.call("mount_facts", args([("fstypes", "nfs*"), ("sources", "static")]))), ["/x"]);
    }

    #[test]
    fn the_program_is_asked_last() {
        let fake = Fake::new().unwrap().on("mount", 0, "tmpfs on /run type tmpfs (rw)\n");
        assert_eq!(points(&fake.call("mount_facts", args([("sources", "dynamic")]))), ["/run"]);
        assert!(points(&fake.call("mount_facts", args([("sources", "static")]))).is_empty());
        let none = args([("mount_binary", Value::Null)]);
        assert!(points(&fake.call("mount_facts", none)).is_empty());
    }

    #[test]
    fn failures() {
        let fake = Fake::new().unwrap();
        for (given, msg) in [
            (args([("timeout", "-1")]), "argument 'timeout' must be a positive number or null, not -1.0"),
            (args([("sources", ",x")]), "sources contains an empty string"),
        ] {
            assert_eq!(fake.call("mount_facts", given).data.get("msg"), Some(&msg.into()));
        }
    }
}
