//! `devices` and `device_links`: block devices from sysfs.

use std::collections::BTreeMap;
use std::path::Path;

use rplay_value::{List, Map, Value};

use super::{Found, Probe};

/// For each device name, the names that link to it.
type Links = BTreeMap<String, Vec<String>>;

pub(super) fn collect(probe: &Probe<'_>, found: &mut Found) {
    let mut devices = Map::new();
    let blocks = probe.list("/sys/block");
    if !probe.exists("/sys/block") {
        found.set("devices", devices);
        return;
    }
    let links: [(&str, Links); 4] = [
        ("ids", links_in(probe, "/dev/disk/by-id")),
        ("uuids", links_in(probe, "/dev/disk/by-uuid")),
        ("labels", links_in(probe, "/dev/disk/by-label")),
        ("masters", masters(probe, &blocks)),
    ];
    let as_map = |links: &Links| links.iter().map(|(name, ids)| (name.as_str(), ids.clone())).collect::<Map>();
    found.set("device_links", links.iter().map(|(kind, links)| (*kind, as_map(links))).collect::<Map>());

    let pci = probe.which("lspci").and_then(|lspci| probe.run(&[&lspci, "-D"])).unwrap_or_default();
    let sg_inq = probe.which("sg_inq");
    for block in &blocks {
        let target = probe.link(format!("/sys/block/{block}"));
        let folder = format!("/sys/block/{block}");
        // Old kernels have folders instead of links here; then a `device` inside tells a real device.
        let real = target.is_none() && probe.list(&folder).iter().any(|name| name.contains("device"));
        let mut device = Map::new();
        device.insert("virtual", i64::from(!real));
        device.insert("links", links_of(&links, block));
        for key in ["vendor", "model", "sas_address", "sas_device_handle"] {
            device.insert(key, probe.read(format!("{folder}/device/{key}")));
        }
        let serial = match &sg_inq {
            Some(program) => inquired_serial(probe, program, block),
            None => probe.read(format!("{folder}/device/serial")),
        };
        if let Some(serial) = serial {
            device.insert("serial", serial);
        }
        device.insert("removable", probe.read(format!("{folder}/removable")));
        let discards = probe.read(format!("{folder}/queue/discard_max_hw_bytes")).as_deref() != Some("0");
        let granularity = probe.read(format!("{folder}/queue/discard_granularity"));
        device.insert("support_discard", if discards { granularity } else { Some("0".to_owned()) });
        let wwn = links[0].1.get(block).and_then(|ids| ids.iter().find_map(|id| id.strip_prefix("wwn-")));
        if let Some(wwn) = wwn {
            device.insert("wwn", wwn);
        }
        device.insert("partitions", partitions(probe, &folder, block, &links));
        device.insert("rotational", probe.read(format!("{folder}/queue/rotational")));
        let scheduler = probe.read(format!("{folder}/queue/scheduler")).unwrap_or_default();
        let chosen = scheduler.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
        device.insert("scheduler_mode", chosen.map_or("", |(name, _)| name));
        sizes(probe, &folder, &mut device);
        let path = target.unwrap_or_default();
        device.insert("host", pci_host(&path, &pci));
        device.insert("holders", holders(probe, &folder));
        devices.insert(block.as_str(), device);
    }
    found.set("devices", devices);
}

/// `sectors`, `sectorsize`, `size`: sysfs counts sectors of 512 bytes whatever the device's own are.
fn sizes(probe: &Probe<'_>, folder: &str, device: &mut Map) {
    let sector_size =
        ["logical_block_size", "hw_sector_size"].iter().find_map(|name| probe.read(format!("{folder}/queue/{name}")));
    let bytes =
        sector_size.as_deref().and_then(|size| size.parse::<i64>().ok()).filter(|size| *size > 0).unwrap_or(512);
    let sectors =
        probe.read(format!("{folder}/size")).and_then(|size| size.parse::<i64>().ok()).unwrap_or(0) * 512 / bytes;
    device.insert("sectorsize", sector_size.map_or(Value::Int(512), Value::from));
    device.insert("sectors", sectors);
    device.insert("size", human(sectors as f64 * bytes as f64));
}

fn partitions(probe: &Probe<'_>, folder: &str, block: &str, links: &[(&str, Links)]) -> Map {
    let mut partitions = Map::new();
    for name in probe.list(folder) {
        let number = name.strip_prefix(block).map(|rest| rest.strip_prefix('p').unwrap_or(rest));
        if !number.is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())) {
            continue;
        }
        let folder = format!("{folder}/{name}");
        let mut partition = Map::new();
        partition.insert("links", links_of(links, &name));
        partition.insert("start", probe.read(format!("{folder}/start")).map_or(Value::Int(0), Value::from));
        sizes(probe, &folder, &mut partition);
        partition.insert("uuid", links[1].1.get(&name).and_then(|ids| ids.first().cloned()));
        partition.insert("holders", holders(probe, &folder));
        partitions.insert(name, partition);
    }
    partitions
}

fn holders(probe: &Probe<'_>, folder: &str) -> List {
    let names = probe.list(format!("{folder}/holders"));
    let names = names.into_iter().filter(|name| name.starts_with("dm-"));
    names.map(|name| probe.read(format!("{folder}/holders/{name}/dm/name")).unwrap_or(name)).collect()
}

fn links_of(links: &[(&str, Links)], device: &str) -> Map {
    links.iter().map(|(kind, links)| (*kind, links.get(device).cloned().unwrap_or_default())).collect()
}

fn links_in(probe: &Probe<'_>, folder: &str) -> Links {
    let mut links = Links::new();
    for name in probe.list(folder) {
        if let Some(device) = probe.link_name(Path::new(folder).join(&name)) {
            links.entry(device).or_default().push(name);
        }
    }
    for names in links.values_mut() {
        names.sort();
    }
    links
}

/// Devices made of others (LVM, RAID): for each part, who is made of it.
fn masters(probe: &Probe<'_>, blocks: &[String]) -> Links {
    let mut masters = Links::new();
    for block in blocks {
        for part in probe.list(format!("/sys/block/{block}/slaves")) {
            masters.entry(part).or_default().push(block.clone());
        }
    }
    for names in masters.values_mut() {
        names.sort();
    }
    masters
}

fn inquired_serial(probe: &Probe<'_>, program: &str, block: &str) -> Option<String> {
    let out = probe.run(&[program, &format!("/dev/{block}")])?;
    let value =
        out.lines().find_map(|line| line.split_once("erial number:").map(|(_, value)| value.trim().to_owned()))?;
    let word: String = value.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}

/// What lspci calls the controller a device hangs on.
fn pci_host<'a>(path: &str, pci: &'a str) -> &'a str {
    let is_address = |part: &&str| {
        let mut pieces = part.split([':', '.']);
        let lengths: Vec<usize> = pieces.by_ref().map(str::len).collect();
        lengths == [4, 2, 2, 1] && part.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.'))
    };
    let Some(address) = path.split('/').rev().skip(1).find(is_address) else { return "" };
    pci.lines().find_map(|line| line.strip_prefix(address)?.strip_prefix(' ')).unwrap_or("")
}

/// A size with the largest fitting unit and two decimals: `256.00 GB`, `0.00 Bytes`.
pub(super) fn human(bytes: f64) -> String {
    const UNITS: [&str; 8] = ["KB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
    let mut unit = "Bytes";
    let mut size = bytes;
    for larger in UNITS {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    format!("{size:.2} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_controllers() {
        assert_eq!(human(0.0), "0.00 Bytes");
        assert_eq!(human(536_870_912.0 * 512.0), "256.00 GB");
        assert_eq!(human(1536.0), "1.50 KB");
        let pci = "0000:00:1f.2 SATA controller: Intel\n0000:00:02.0 VGA";
        assert_eq!(pci_host("../devices/pci0000:00/0000:00:1f.2/ata1/host0/block/sda", pci), "SATA controller: Intel");
        assert_eq!(pci_host("../devices/virtual/block/loop0", pci), "");
    }
}
