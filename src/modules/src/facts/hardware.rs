//! The `hardware` collector: processors, memory, DMI, devices, LVM, mounts and uptime.

use super::{Found, Probe, cpu, devices, dmi, lvm, memory, mounts};

pub(super) fn collect(probe: &Probe<'_>) -> Found {
    let mut found = Found::default();
    // LVM runs programs: they start while everything else reads files.
    std::thread::scope(|scope| {
        let lvm = scope.spawn(|| lvm::facts(probe));
        cpu::collect(probe, &mut found);
        memory::collect(probe, &mut found);
        dmi::collect(probe, &mut found);
        devices::collect(probe, &mut found);
        mounts::collect(probe, &mut found);
        found.set("lvm", lvm.join().unwrap_or_else(|_| "N/A".into()));
    });
    let uptime = probe.read("/proc/uptime").and_then(|text| text.split('.').next()?.parse::<i64>().ok());
    found.set_some("uptime_seconds", uptime);
    found
}
