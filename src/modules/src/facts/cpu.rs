//! `processor*` and `flags`, counted from `/proc/cpuinfo` as ansible-core counts.

use std::collections::HashMap;

use rplay_value::List;

use super::{Found, Probe};

/// Counters of one reading of cpuinfo.
#[derive(Default)]
struct Count {
    listed: List,
    vendors: i64,
    models: i64,
    processors: i64,
    /// Cores per socket, by physical id, in the order seen.
    sockets: Vec<(String, i64)>,
    /// Siblings per core id, in the order seen.
    cores: Vec<(String, i64)>,
    paravirtual: bool,
}

pub(super) fn collect(probe: &Probe<'_>, found: &mut Found) {
    let Some(text) = probe.read("/proc/cpuinfo") else { return };
    let xen = probe.exists("/proc/xen") || probe.read("/sys/hypervisor/type").as_deref() == Some("xen");
    let mut count = Count::default();
    let (mut socket, mut core) = ("0".to_owned(), "0".to_owned());
    let mut s390: HashMap<&str, i64> = HashMap::new();
    let mut active = None;
    for line in text.lines() {
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        let (key, value) = (key.trim(), value.trim());
        let number = || value.parse::<i64>().unwrap_or(0);
        match key {
            "flags" => {
                count.paravirtual |= xen && !value.contains("vme");
                found.set("flags", value.split_whitespace().collect::<List>());
            }
            "model name" | "Processor" | "vendor_id" | "cpu" | "Vendor" | "processor" => {
                count.listed.push(value);
                count.vendors += i64::from(key == "vendor_id");
                count.models += i64::from(key == "model name");
                count.processors += i64::from(key == "processor");
            }
            "physical id" => {
                value.clone_into(&mut socket);
                if !count.sockets.iter().any(|(id, _)| *id == socket) {
                    count.sockets.push((socket.clone(), 1));
                }
            }
            "core id" => {
                value.clone_into(&mut core);
                // Whether the core is new is asked of the sockets in ansible-core; the counts users know depend on it.
                if !count.sockets.iter().any(|(id, _)| *id == core) {
                    put(&mut count.cores, &core, 1);
                }
            }
            "cpu cores" => put(&mut count.sockets, &socket, number()),
            "siblings" => put(&mut count.cores, &core, number()),
            "# processors" => drop(s390.insert("processors", number())),
            "max thread id" => drop(s390.insert("threads", number() + 1)),
            "ncpus active" => active = Some(number()),
            _ => {}
        }
    }
    let architecture = probe.known("architecture");
    let mut listed = active.unwrap_or(count.listed.len() as i64);
    if count.vendors > 0 && count.vendors == count.models {
        listed = count.vendors;
    }
    if ["armv", "aarch", "ppc"].iter().any(|prefix| architecture.starts_with(prefix)) {
        listed = count.processors;
    }
    let numbers = if architecture == "s390x" {
        let (all, threads) = (s390.get("processors").copied().unwrap_or(1), s390.get("threads").copied().unwrap_or(1));
        (1, rounded(all, threads), threads, all, all)
    } else if count.paravirtual {
        (listed, listed, 1, listed, listed)
    } else {
        let sockets = if count.sockets.is_empty() { listed } else { count.sockets.len() as i64 };
        let cores = count.sockets.first().map_or(1, |(_, cores)| *cores).max(1);
        let threads = rounded(count.cores.first().map_or(1, |(_, siblings)| *siblings), cores);
        (sockets, cores, threads, threads * sockets * cores, count.processors)
    };
    found.set("processor", count.listed);
    found.set("processor_count", numbers.0);
    found.set("processor_cores", numbers.1);
    found.set("processor_threads_per_core", numbers.2);
    found.set("processor_vcpus", numbers.3);
    let usable = std::thread::available_parallelism().ok().filter(|_| probe.is_real());
    found.set("processor_nproc", usable.and_then(|_| affinity(probe)).unwrap_or(numbers.4));
}

fn put(list: &mut Vec<(String, i64)>, key: &str, value: i64) {
    match list.iter_mut().find(|(id, _)| id == key) {
        Some((_, old)) => *old = value,
        None => list.push((key.to_owned(), value)),
    }
}

/// Division rounded to the nearest, halves to even as Python's `round`.
fn rounded(a: i64, b: i64) -> i64 {
    let exact = a as f64 / b.max(1) as f64;
    exact.round_ties_even() as i64
}

/// Processors this process may run on, from the kernel's list such as `0-3,8`.
fn affinity(probe: &Probe<'_>) -> Option<i64> {
    let status = probe.read("/proc/self/status")?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let online = probe.read("/sys/devices/system/cpu/online").unwrap_or_default();
    let online = ranges(&online);
    let allowed = ranges(list.trim());
    let usable = |cpu: &i64| online.is_empty() || online.iter().any(|(from, to)| (*from..=*to).contains(cpu));
    let count = allowed.iter().flat_map(|(from, to)| *from..=*to).filter(usable).count();
    (count > 0).then_some(count as i64)
}

fn ranges(list: &str) -> Vec<(i64, i64)> {
    list.split(',')
        .filter_map(|range| {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            Some((from.trim().parse().ok()?, to.trim().parse().ok()?))
        })
        .collect()
}
