//! `pkg_mgr`: the package manager the distribution uses.

use super::{Found, Probe};

/// Programs and the manager each stands for; the last one present counts, as ansible-core has it.
const MANAGERS: &[(&str, &str)] = &[
    ("/usr/bin/rpm-ostree", "atomic_container"),
    ("/usr/bin/yum", "dnf"),
    ("/usr/bin/dnf-3", "dnf"),
    ("/usr/bin/dnf5", "dnf5"),
    ("/usr/bin/apt-get", "apt"),
    ("/usr/bin/zypper", "zypper"),
    ("/usr/sbin/urpmi", "urpmi"),
    ("/usr/bin/pacman", "pacman"),
    ("/bin/opkg", "opkg"),
    ("/usr/pkg/bin/pkgin", "pkgin"),
    ("/opt/local/bin/pkgin", "pkgin"),
    ("/opt/tools/bin/pkgin", "pkgin"),
    ("/opt/local/bin/port", "macports"),
    ("/usr/local/bin/brew", "homebrew"),
    ("/opt/homebrew/bin/brew", "homebrew"),
    ("/sbin/apk", "apk"),
    ("/usr/sbin/pkg", "pkgng"),
    ("/usr/sbin/swlist", "swdepot"),
    ("/usr/bin/emerge", "portage"),
    ("/usr/sbin/pkgadd", "svr4pkg"),
    ("/usr/bin/pkg", "pkg5"),
    ("/usr/bin/xbps-install", "xbps"),
    ("/usr/local/sbin/pkg", "pkgng"),
    ("/usr/bin/swupd", "swupd"),
    ("/usr/sbin/sorcery", "sorcery"),
    ("/usr/bin/installp", "installp"),
];

pub(super) fn collect(probe: &Probe<'_>) -> Found {
    let mut found = Found::default();
    found.set("pkg_mgr", name(probe, probe.known("os_family")));
    found
}

/// The package manager of this target.
pub(crate) fn name(probe: &Probe<'_>, family: &str) -> &'static str {
    let present = MANAGERS
        .iter()
        .rev()
        .find(|(path, _)| !(family == "Altlinux" && *path == "/usr/bin/pkg") && probe.exists(path))
        .map_or("unknown", |(_, name)| name);
    let name = match family {
        "RedHat" => red_hat(probe),
        // dnf, zypper and rpm may be installed on Debian without being what the system uses.
        "Debian" => "apt",
        "Altlinux" if present == "apt" => "apt_rpm",
        _ => present,
    };
    let owned_by_rpm = || probe.run(&["/usr/bin/rpm", "-q", "--whatprovides", "/usr/bin/apt-get"]).is_some();
    if name == "apt" && probe.exists("/usr/bin/rpm") && owned_by_rpm() { "apt_rpm" } else { name }
}

fn red_hat(probe: &Probe<'_>) -> &'static str {
    if probe.exists("/run/ostree-booted") {
        return "atomic_container";
    }
    let Some(program) = ["/usr/bin/dnf", "/usr/bin/microdnf"].into_iter().find(|path| probe.exists(path)) else {
        // Releases before 8 have no dnf at all; ansible-core 2.19 does not reach them, older ones said yum.
        return if probe.exists("/usr/bin/yum") { "yum" } else { "unknown" };
    };
    if probe.link_name(program).as_deref() == Some("dnf5") { "dnf5" } else { "dnf" }
}
