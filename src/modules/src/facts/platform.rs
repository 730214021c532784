//! `system`, `kernel`, `machine`, names of the host, `machine_id`.

use super::{Found, Probe};

pub(super) fn collect(probe: &Probe<'_>) -> Found {
    let mut found = Found::default();
    let nodename = probe.read("/proc/sys/kernel/hostname").unwrap_or_default();
    let machine = machine();
    found.set("system", "Linux");
    found.set("kernel", probe.read("/proc/sys/kernel/osrelease").unwrap_or_default());
    found.set("kernel_version", probe.read("/proc/sys/kernel/version").unwrap_or_default());
    found.set("machine", machine);
    found.set("architecture", machine);
    let fqdn = fqdn(probe, &nodename);
    found.set("domain", fqdn.split_once('.').map_or("", |(_, domain)| domain));
    found.set("fqdn", fqdn);
    found.set("hostname", nodename.split('.').next().unwrap_or_default());
    found.set("nodename", nodename);
    let bits = if cfg!(target_pointer_width = "64") { "64" } else { "32" };
    found.set("userspace_bits", bits);
    if machine == "x86_64" {
        found.set("userspace_architecture", if bits == "64" { "x86_64" } else { "i386" });
    }
    let id = probe.read("/var/lib/dbus/machine-id").or_else(|| probe.read("/etc/machine-id"));
    found.set_some("machine_id", id.as_deref().and_then(|id| id.lines().next()));
    found
}

/// What `uname -m` says. The agent runs natively, so its own architecture is the machine's.
fn machine() -> &'static str {
    match std::env::consts::ARCH {
        "x86" => "i686",
        "powerpc64" => "ppc64le",
        "arm" => "armv7l",
        other => other,
    }
}

/// The host's full name as Python's `getfqdn` finds it: the host's address is looked up, then the address's names; the
/// first with a dot counts, else the first. The hosts file is read directly; only names it lacks go to the resolver.
pub(crate) fn fqdn(probe: &Probe<'_>, nodename: &str) -> String {
    let hosts: Vec<Vec<String>> = probe
        .lines("/etc/hosts")
        .iter()
        .map(|line| line.split('#').next().unwrap_or_default().split_whitespace().map(str::to_owned).collect())
        .filter(|words: &Vec<String>| words.len() > 1)
        .collect();
    let address = hosts.iter().find(|words| words[1..].iter().any(|name| name == nodename)).map(|words| &words[0]);
    let names = match address {
        Some(address) => hosts.iter().find(|words| words[0] == *address).map(|words| words[1..].to_vec()),
        None if nodename.is_empty() => None,
        None => resolved(probe, nodename)
            .and_then(|words| resolved(probe, &words[0]).or(Some(words)))
            .map(|words| words[1..].to_vec()),
    };
    let names = names.unwrap_or_default();
    names.iter().find(|name| name.contains('.')).or(names.first()).map_or_else(|| nodename.to_owned(), Clone::clone)
}

/// `address name alias...` of a name or address, by the system's own resolver.
fn resolved(probe: &Probe<'_>, name: &str) -> Option<Vec<String>> {
    let getent = probe.which("getent")?;
    let out = probe.run(&[&getent, "hosts", name])?;
    let words: Vec<String> = out.lines().next()?.split_whitespace().map(str::to_owned).collect();
    (words.len() > 1).then_some(words)
}
