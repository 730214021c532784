//! `mounts`: mounted file systems with their sizes.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::statvfs::statvfs;
use rplay_value::{List, Map};

use super::{Found, Probe};

type Sizes = Vec<(&'static str, u64)>;

pub(super) fn collect(probe: &Probe<'_>, found: &mut Found) {
    let table = if probe.exists("/etc/mtab") { "/etc/mtab" } else { "/proc/mounts" };
    let binds = bind_mounts(probe);
    let uuids = Uuids::new(probe);
    // Each size is asked for in a thread of its own: a dead NFS server must not hold up the rest.
    let (sender, receiver) = mpsc::channel::<(usize, Option<Sizes>)>();
    let mut mounts: Vec<Map> = Vec::new();
    for line in probe.lines(table) {
        let fields: Vec<String> = line.split_whitespace().map(unescape).collect();
        let [device, mount, kind, options, rest @ ..] = fields.as_slice() else { continue };
        if !device.starts_with(['/', '\\']) && !device.contains(":/") || kind == "none" {
            continue;
        }
        let number = |index: usize| rest.get(index).and_then(|field| field.parse::<i64>().ok()).unwrap_or(0);
        let bind = binds.contains(mount) && !options.contains("bind\"");
        let mut entry = Map::new();
        entry.insert("mount", mount.as_str());
        entry.insert("device", device.as_str());
        entry.insert("fstype", kind.as_str());
        entry.insert("options", if bind { format!("{options},bind") } else { options.clone() });
        entry.insert("dump", number(0));
        entry.insert("passno", number(1));
        entry.insert("uuid", uuids.of(probe, device).unwrap_or_else(|| "N/A".to_owned()));
        let (index, path, sender) = (mounts.len(), probe.path(mount), sender.clone());
        mounts.push(entry);
        if device.starts_with("/dev/") {
            let _ = sender.send((index, sizes(&path)));
        } else {
            std::thread::spawn(move || sender.send((index, sizes(&path))));
        }
    }
    drop(sender);
    let deadline = Instant::now() + Duration::from_secs(probe.timeout);
    let mut missing: HashSet<usize> = (0..mounts.len()).collect();
    while !missing.is_empty() {
        let Ok((index, sizes)) = receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) else {
            break;
        };
        missing.remove(&index);
        for (name, value) in sizes.unwrap_or_default() {
            mounts[index].insert(name, value);
        }
    }
    for index in missing {
        let mount = mounts[index].get("mount").and_then(|mount| mount.as_str()).unwrap_or_default().to_owned();
        found.warn(format!("Timeout exceeded when getting mount info for {mount}"));
        mounts[index].remove("uuid");
        mounts[index].insert("note", "Could not get extra information due to timeout");
    }
    found.set("mounts", mounts.into_iter().collect::<List>());
}

/// Sizes of the file system that a path is on, in bytes, blocks and inodes.
pub(crate) fn sizes(path: &PathBuf) -> Option<Sizes> {
    let stat = statvfs(path).ok()?;
    let (blocks, available) = (stat.blocks() as u64, stat.blocks_available() as u64);
    let (inodes, inodes_available) = (stat.files() as u64, stat.files_available() as u64);
    Some(vec![
        ("size_total", stat.fragment_size() as u64 * blocks),
        ("size_available", stat.fragment_size() as u64 * available),
        ("block_size", stat.block_size() as u64),
        ("block_total", blocks),
        ("block_available", available),
        ("block_used", blocks - available.min(blocks)),
        ("inode_total", inodes),
        ("inode_available", inodes_available),
        ("inode_used", inodes - inodes_available.min(inodes)),
    ])
}

/// Mount points that show a folder of their device instead of its top.
fn bind_mounts(probe: &Probe<'_>) -> HashSet<String> {
    let lines = probe.lines("/proc/self/mountinfo");
    let binds = lines.iter().filter_map(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        (fields.len() > 4 && fields[3] != "/").then(|| unescape(fields[4]))
    });
    binds.collect()
}

/// Undoes the `\040` escapes of mount tables.
pub(crate) fn unescape(field: &str) -> String {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let octal = (*first == b'\\' && tail.len() >= 3)
            .then(|| std::str::from_utf8(&tail[..3]).ok().and_then(|digits| u8::from_str_radix(digits, 8).ok()))
            .flatten();
        bytes.push(octal.unwrap_or(*first));
        rest = if octal.is_some() { &tail[3..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// File system ids, from udev's links and its database.
struct Uuids(HashMap<PathBuf, String>);

impl Uuids {
    fn new(probe: &Probe<'_>) -> Self {
        let names = probe.list("/dev/disk/by-uuid");
        let entries = names.into_iter().filter_map(|uuid| {
            let device = std::fs::canonicalize(probe.path(format!("/dev/disk/by-uuid/{uuid}"))).ok()?;
            Some((device, uuid.replace("\\x20", " ")))
        });
        Self(entries.collect())
    }

    fn of(&self, probe: &Probe<'_>, device: &str) -> Option<String> {
        let real = std::fs::canonicalize(probe.path(device)).ok()?;
        if let Some(uuid) = self.0.get(&real) {
            return Some(uuid.clone());
        }
        // Inside containers /dev/disk is often missing while udev's database is shared.
        let name = real.file_name()?.to_str()?;
        let number = probe.read(format!("/sys/class/block/{name}/dev"))?;
        let entry = probe.read(format!("/run/udev/data/b{number}"))?;
        entry.lines().find_map(|line| line.strip_prefix("E:ID_FS_UUID=")).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::unescape;

    #[test]
    fn mount_points_with_blanks() {
        assert_eq!(unescape("/mnt/a\\040b\\134c"), "/mnt/a b\\c");
        assert_eq!(unescape("/mnt\\04"), "/mnt\\04");
    }
}
