//! `service_mgr` and `systemd`: what manages services.

use rplay_value::Map;

use super::{Found, Probe};

pub(super) fn collect(probe: &Probe<'_>) -> Found {
    let mut found = Found::default();
    found.set("service_mgr", name(probe, probe.known("distribution")));
    found
}

/// The service manager: by the name of process 1, or by what is installed when that name says nothing.
pub(crate) fn name(probe: &Probe<'_>, distribution: &str) -> String {
    let init = probe.read("/proc/1/comm").or_else(|| probe.link("/sbin/init"));
    let init = init.as_deref().map(|init| init.rsplit('/').next().unwrap_or(init).trim());
    // Many systems just say init, and a shell is process 1 of a container: neither can be trusted.
    match init.filter(|init| *init != "init" && !init.ends_with("sh")) {
        Some("procd") => return "openwrt_init".into(),
        Some("runit-init") => return "runit".into(),
        Some("svscan") => return "svc".into(),
        Some("openrc-init") => return "openrc".into(),
        Some(other) => return other.into(),
        None => {}
    }
    let systemctl = probe.which("systemctl").is_some();
    let name = match distribution {
        "OpenWrt" => "openwrt_init",
        "SMGL" => "simpleinit_msb",
        _ if systemctl && booted(probe) => "systemd",
        _ if probe.which("initctl").is_some() && probe.exists("/etc/init/") => "upstart",
        _ if probe.exists("/sbin/openrc") => "openrc",
        _ if systemctl && probe.link_name("/sbin/init").as_deref() == Some("systemd") => "systemd",
        _ if probe.exists("/etc/init.d/") => "sysvinit",
        _ if probe.exists("/etc/dinit.d/") => "dinit",
        _ => "service",
    };
    name.into()
}

/// Whether systemd is the running init system.
pub(crate) fn booted(probe: &Probe<'_>) -> bool {
    ["/run/systemd/system/", "/dev/.run/systemd/", "/dev/.systemd/"].iter().any(|canary| probe.exists(canary))
}

pub(super) fn systemd(probe: &Probe<'_>) -> Found {
    let mut found = Found::default();
    if !booted(probe) {
        return found;
    }
    let printed = probe.which("systemctl").and_then(|systemctl| probe.run_once(&[&systemctl, "--version"], &[]));
    let Some(printed) = printed else { return found };
    let mut lines = printed.lines();
    let version = lines.next().and_then(|line| line.split(' ').nth(1)?.parse::<i64>().ok());
    if let Some(version) = version {
        let mut systemd = Map::new();
        systemd.insert("features", lines.next().unwrap_or_default());
        systemd.insert("version", version);
        found.set("systemd", systemd);
    }
    found
}
