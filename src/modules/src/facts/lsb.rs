//! `lsb`: what `lsb_release -a` or `/etc/lsb-release` says.

use rplay_value::{Map, Value};

use super::distribution::ReleaseFile;
use super::{Found, Probe};

pub(super) fn collect(probe: &Probe<'_>) -> Found {
    let mut lsb = probe.which("lsb_release").map(|program| from_program(probe, &program)).unwrap_or_default();
    if lsb.is_empty() {
        let file = ReleaseFile::parse(&probe.read("/etc/lsb-release").unwrap_or_default());
        for fact in ["id", "release", "description", "codename"] {
            if let Some(value) = file.get(&format!("DISTRIB_{}", fact.to_uppercase())) {
                lsb.insert(fact, value);
            }
        }
    }
    if let Some(release) = lsb.get("release").and_then(Value::as_str) {
        let major = release.split('.').next().unwrap_or_default().to_owned();
        lsb.insert("major_release", major);
    }
    let mut found = Found::default();
    found.set("lsb", lsb);
    found
}

/// What the program reads, on any distribution.
const READ: &[&str] = &[
    "/etc/os-release",
    "/usr/lib/os-release",
    "/etc/lsb-release",
    "/etc/debian_version",
    "/etc/redhat-release",
    "/etc/SuSE-release",
    "/etc/dpkg/origins/default",
    "/etc/apt/sources.list",
    "/var/lib/apt/lists",
];

fn from_program(probe: &Probe<'_>, program: &str) -> Map {
    let mut lsb = Map::new();
    for line in probe.run_once(&[program, "-a"], READ).unwrap_or_default().lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let fact = match key.trim() {
            "LSB Version" | "Release" => "release",
            "Distributor ID" => "id",
            "Description" => "description",
            "Codename" => "codename",
            _ => continue,
        };
        lsb.insert(fact, value.trim().trim_matches(['\'', '"', '\\']));
    }
    lsb
}
