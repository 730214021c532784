//! `selinux`, `apparmor`, `fips`, `is_chroot`, `system_capabilities`.

use std::os::unix::fs::MetadataExt;

use rplay_value::{List, Map};

use super::{Found, Probe};

pub(super) fn selinux(probe: &Probe<'_>) -> Found {
    let mut found = Found::default();
    let mut selinux = Map::new();
    match probe.read("/sys/fs/selinux/policyvers") {
        None => {
            selinux.insert("status", "disabled");
        }
        Some(version) => {
            selinux.insert("status", "enabled");
            match version.parse::<i64>() {
                Ok(version) => selinux.insert("policyvers", version),
                Err(_) => selinux.insert("policyvers", "unknown"),
            };
            let config = probe.lines("/etc/selinux/config");
            let setting = |name: &str| {
                let value =
                    config.iter().rev().find_map(|line| line.trim().strip_prefix(name)?.trim_start().strip_prefix('='));
                value.map_or_else(|| "unknown".to_owned(), |value| value.trim().to_lowercase())
            };
            selinux.insert("config_mode", setting("SELINUX"));
            let mode = match probe.read("/sys/fs/selinux/enforce").as_deref() {
                Some("1") => "enforcing",
                Some("0") => "permissive",
                _ => "unknown",
            };
            selinux.insert("mode", mode);
            selinux.insert("type", setting("SELINUXTYPE"));
        }
    }
    found.set("selinux", selinux);
    // Ansible tells whether its Python binding could be loaded; rplay needs none, so SELinux is always readable.
    found.set("selinux_python_present", true);
    found
}

pub(super) fn apparmor(probe: &Probe<'_>) -> Found {
    let mut found = Found::default();
    let status = if probe.exists("/sys/kernel/security/apparmor") { "enabled" } else { "disabled" };
    found.set("apparmor", Map::from_iter([("status", status)]));
    found
}

pub(super) fn fips(probe: &Probe<'_>) -> Found {
    let mut found = Found::default();
    found.set("fips", probe.read("/proc/sys/crypto/fips_enabled").as_deref() == Some("1"));
    found
}

pub(super) fn chroot(probe: &Probe<'_>) -> Found {
    let mut found = Found::default();
    let inode = |path: &str| std::fs::metadata(probe.path(path)).ok().map(|meta| (meta.dev(), meta.ino()));
    let root = inode("/");
    let is_chroot = match (probe.cx().sys().var("debian_chroot"), inode("/proc/1/root/.")) {
        (Some(_), _) => true,
        (None, Some(init)) => root != Some(init),
        // Only root may look at process 1's root: then a root folder that is not the top of its file system tells.
        (None, None) => !matches!(root, Some((_, 2 | 128 | 256))),
    };
    found.set("is_chroot", is_chroot);
    found
}

pub(super) fn capabilities(probe: &Probe<'_>) -> Found {
    let mut found = Found::default();
    let printed = probe.which("capsh").and_then(|capsh| probe.run(&[&capsh, "--print"]));
    let Some(printed) = printed else {
        found.set("system_capabilities_enforced", "N/A");
        found.set("system_capabilities", "N/A");
        return found;
    };
    let mut enforced = "NA";
    let mut capabilities = List::new();
    if let Some(current) = printed.lines().find_map(|line| line.strip_prefix("Current:")) {
        enforced = if current.trim() == "=ep" { "False" } else { "True" };
        if enforced == "True" {
            let names = current.split('=').nth(1).unwrap_or_default();
            capabilities = names.split(',').map(str::trim).collect();
        }
    }
    found.set("system_capabilities_enforced", enforced);
    found.set("system_capabilities", capabilities);
    found
}
