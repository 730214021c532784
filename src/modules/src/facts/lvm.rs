//! `lvm`: volume groups, logical and physical volumes, where LVM's tools are installed and the user is root.

use rplay_value::{Map, Value};

use super::Probe;

const OPTIONS: [&str; 6] = ["--noheadings", "--nosuffix", "--units", "g", "--separator", ","];

pub(super) fn facts(probe: &Probe<'_>) -> Value {
    if probe.cx().sys().euid() != 0 || probe.which("vgs").is_none() {
        return "N/A".into();
    }
    // Each of them takes its time to look at all devices.
    let (groups, volumes, physical) = std::thread::scope(|scope| {
        let volumes = scope.spawn(|| rows(probe, "lvs"));
        let physical = scope.spawn(|| rows(probe, "pvs"));
        (rows(probe, "vgs"), volumes.join().unwrap_or_default(), physical.join().unwrap_or_default())
    });
    // VG #PV #LV #SN Attr VSize VFree
    let groups = groups.into_iter().filter(|row| row.len() >= 4).map(|row| {
        let volume_group = [
            ("size_g", &row[row.len() - 2]),
            ("free_g", &row[row.len() - 1]),
            ("num_lvs", &row[2]),
            ("num_pvs", &row[1]),
        ];
        (row[0].clone(), Map::from_iter(volume_group))
    });
    let groups: Map = groups.collect();
    // LV VG Attr LSize ...
    let volumes = volumes.into_iter().filter(|row| row.len() >= 4);
    let volumes: Map =
        volumes.map(|row| (row[0].clone(), Map::from_iter([("size_g", &row[3]), ("vg", &row[1])]))).collect();
    // PV VG Fmt Attr PSize PFree
    let physical = physical.into_iter().filter(|row| row.len() >= 6).map(|row| {
        let volume = [("size_g", &row[4]), ("free_g", &row[5]), ("vg", &row[1])];
        (mapped(probe, &row[0]), Map::from_iter(volume))
    });
    let physical: Map = physical.collect();
    Map::from_iter([("lvs", volumes), ("vgs", groups), ("pvs", physical)]).into()
}

fn rows(probe: &Probe<'_>, tool: &str) -> Vec<Vec<String>> {
    let Some(program) = probe.which(tool) else { return Vec::new() };
    let argv: Vec<&str> = std::iter::once(program.as_str()).chain(OPTIONS).collect();
    let out = probe.run(&argv).unwrap_or_default();
    out.lines().map(|line| line.trim().split(',').map(str::to_owned).collect()).collect()
}

/// `/dev/dm-0` under its name in `/dev/mapper`.
fn mapped(probe: &Probe<'_>, device: &str) -> String {
    let name = device.strip_prefix("/dev/").filter(|name| name.starts_with("dm-"));
    let mapper = name.and_then(|name| probe.read(format!("/sys/class/block/{name}/dm/name")));
    mapper.map_or_else(|| device.to_owned(), |name| format!("/dev/mapper/{name}"))
}
