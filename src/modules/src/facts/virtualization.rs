//! `virtualization_type`, `_role`, `_tech_guest`, `_tech_host`: what the target runs on and what it can run.
//!
//! The checks and their order are ansible-core's: the first that matches names type and role, every match is listed as
//! a technology.

use std::collections::BTreeSet;

use rplay_value::List;

use super::{Found, Probe};

#[derive(Default)]
struct Virtual {
    kind: Option<String>,
    role: Option<&'static str>,
    settled: bool,
    guest: BTreeSet<String>,
    host: BTreeSet<String>,
}

impl Virtual {
    fn guest(&mut self, tech: &str) {
        self.guest.insert(tech.to_owned());
        self.settle(tech, "guest");
    }

    fn host(&mut self, tech: &str) {
        self.host.insert(tech.to_owned());
        self.settle(tech, "host");
    }

    fn settle(&mut self, kind: &str, role: &'static str) {
        if !self.settled {
            self.kind = Some(kind.to_owned());
            self.role = Some(role);
            self.settled = true;
        }
    }
}

pub(super) fn collect(probe: &Probe<'_>) -> Found {
    let mut found = Virtual::default();
    containers(probe, &mut found);
    xen(probe, &mut found);
    dmi(probe, &mut found);
    kernel(probe, &mut found);
    let mut facts = Found::default();
    facts.set("virtualization_type", found.kind.unwrap_or_else(|| "NA".to_owned()));
    facts.set("virtualization_role", found.role.unwrap_or("NA"));
    facts.set("virtualization_tech_guest", found.guest.into_iter().collect::<List>());
    facts.set("virtualization_tech_host", found.host.into_iter().collect::<List>());
    facts
}

fn containers(probe: &Probe<'_>, found: &mut Virtual) {
    for line in probe.lines("/proc/1/cgroup") {
        let scope = line.split("/docker-").nth(1).is_some_and(|rest| {
            rest.split_once(".scope").is_some_and(|(id, _)| !id.is_empty() && id.chars().all(|c| c.is_ascii_hexdigit()))
        });
        if line.contains("/docker/") || scope {
            found.guest("docker");
        }
        if line.contains("/lxc/") || line.contains("/machine.slice/machine-lxc") {
            found.guest("lxc");
        }
        if line.contains("/system.slice/containerd.service") {
            found.guest("containerd");
        }
    }
    let environment = probe.read("/proc/1/environ").unwrap_or_default();
    for entry in environment.split('\0') {
        if entry.contains("container=lxc") {
            found.guest("lxc");
        }
        if entry.contains("container=podman") {
            found.guest("podman");
        }
        if entry.strip_prefix("container=").is_some_and(|value| !value.is_empty()) {
            found.guest("container");
        }
    }
    if probe.exists("/proc/vz") && !probe.exists("/proc/lve") {
        if probe.exists("/proc/bc") {
            found.host("openvz");
        } else {
            found.guest("openvz");
        }
    }
    let systemd = probe.read("/run/systemd/container");
    if let Some(kind) = &systemd {
        found.guest(kind);
    }
    if probe.exists("/.dockerenv") || probe.exists("/.dockerinit") {
        found.guest("docker");
    }
    let known = ["docker", "lxc", "podman", "openvz", "containerd"];
    if systemd.is_some() || known.iter().any(|kind| found.guest.contains(*kind)) {
        found.guest.insert("container".to_owned());
    }
}

fn xen(probe: &Probe<'_>, found: &mut Virtual) {
    if !probe.exists("/proc/xen") {
        return;
    }
    if probe.lines("/proc/xen/capabilities").iter().any(|line| line.contains("control_d")) {
        found.host("xen");
    } else {
        found.settle("xen", "guest");
    }
}

fn dmi(probe: &Probe<'_>, found: &mut Virtual) {
    let read = |name: &str| probe.read(format!("/sys/devices/virtual/dmi/id/{name}")).unwrap_or_default();
    let (product, vendor, family, bios) =
        (read("product_name"), read("sys_vendor"), read("product_family"), read("bios_vendor"));
    if ["KVM", "KVM Server", "Bochs", "AHV", "CloudStack KVM Hypervisor"].contains(&product.as_str()) {
        found.guest("kvm");
    }
    match vendor.as_str() {
        "oVirt" => found.guest("oVirt"),
        "Red Hat" if family == "RHV" => found.guest("RHV"),
        "Red Hat" if product == "RHEV Hypervisor" => found.guest("RHEV"),
        _ => {}
    }
    if product.starts_with("VMware") {
        found.guest("VMware");
    }
    if ["OpenStack Compute", "OpenStack Nova"].contains(&product.as_str()) {
        found.guest("openstack");
    }
    match bios.as_str() {
        "Xen" => found.guest("xen"),
        "innotek GmbH" => found.guest("virtualbox"),
        "Amazon EC2" | "DigitalOcean" | "Hetzner" | "Linode" => found.guest("kvm"),
        _ => {}
    }
    match vendor.as_str() {
        "QEMU" | "Amazon EC2" | "DigitalOcean" | "Google" | "Scaleway" | "Nutanix" => found.guest("kvm"),
        "KubeVirt" => found.guest("KubeVirt"),
        "Microsoft Corporation" => found.guest("VirtualPC"),
        "Parallels Software International Inc." => found.guest("parallels"),
        "OpenStack Foundation" => found.guest("openstack"),
        _ => {}
    }
}

fn kernel(probe: &Probe<'_>, found: &mut Virtual) {
    for line in probe.lines("/proc/self/status") {
        match line.strip_prefix("VxID:").map(str::trim) {
            Some("0") => found.host("linux_vserver"),
            Some(_) => found.guest("linux_vserver"),
            None => {}
        }
    }
    for line in probe.lines("/proc/cpuinfo") {
        let (key, value) = line.split_once(':').map_or((line.as_str(), ""), |(key, value)| (key.trim(), value));
        match key {
            "model name" if value.contains("QEMU Virtual CPU") => found.guest("kvm"),
            "model name" if value.contains("UML") => found.guest("uml"),
            "vendor_id" if value.contains("User Mode Linux") => found.guest("uml"),
            "vendor_id" if value.contains("PowerVM Lx86") => found.guest("powervm_lx86"),
            "machine" if value.contains("CHRP IBM pSeries (emulated by qemu)") => found.guest("kvm"),
            "vendor_id" if value.contains("IBM/S390") => {
                found.guest.insert("PR/SM".to_owned());
                found.settle("PR/SM", "LPAR");
            }
            _ => {}
        }
    }
    let modules = probe.lines("/proc/modules");
    let loaded = |name: &str| modules.iter().any(|line| line.split(' ').next() == Some(name));
    if loaded("kvm") {
        found.host("kvm");
        if probe.exists("/rhev/") {
            found.host.insert("RHEV".to_owned());
        }
    }
    if loaded("vboxdrv") {
        found.host("virtualbox");
    }
    if loaded("virtio") {
        found.host.insert("kvm".to_owned());
        found.settle("kvm", "guest");
    }
    if !probe.exists("/sys/devices/virtual/dmi/id/product_name") {
        // Without sysfs only dmidecode can tell.
        let name = probe.which("dmidecode").and_then(|program| probe.run(&[&program, "-s", "system-product-name"]));
        let name = name.unwrap_or_default();
        if name.lines().any(|line| line.trim().starts_with("VMware")) {
            found.guest("VMware");
        }
        if name.contains("BHYVE") {
            found.guest("bhyve");
        }
    }
    if probe.exists("/dev/kvm") {
        found.host("kvm");
    }
}
