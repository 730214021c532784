//! `memtotal_mb` and its kind, `memory_mb`, `loadavg`.

use std::collections::HashMap;

use rplay_value::{Map, Value};

use super::{Found, Probe};

pub(super) fn collect(probe: &Probe<'_>, found: &mut Found) {
    let Some(text) = probe.read("/proc/meminfo") else { return };
    let sizes: HashMap<&str, i64> = text
        .lines()
        .filter_map(|line| {
            let (key, value) = line.split_once(':')?;
            let kib: i64 = value.split_whitespace().next()?.parse().ok()?;
            Some((key, kib / 1024))
        })
        .collect();
    let size = |key: &str| sizes.get(key).copied();
    for (fact, key) in [
        ("memtotal_mb", "MemTotal"),
        ("memfree_mb", "MemFree"),
        ("swaptotal_mb", "SwapTotal"),
        ("swapfree_mb", "SwapFree"),
    ] {
        found.set_some(fact, size(key));
    }
    let less = |a: Option<i64>, b: Option<i64>| Some(a? - b?);
    let (total, free) = (size("MemTotal"), size("MemFree"));
    let nocache_free = (|| Some(size("Cached")? + free? + size("Buffers")?))();
    let swap = (size("SwapTotal"), size("SwapFree"));
    let group = |entries: &[(&str, Option<i64>)]| -> Value {
        entries.iter().map(|(key, value)| (*key, Value::from(*value))).collect::<Map>().into()
    };
    let memory = [
        ("real", group(&[("total", total), ("used", less(total, free)), ("free", free)])),
        ("nocache", group(&[("free", nocache_free), ("used", less(total, nocache_free))])),
        (
            "swap",
            group(&[
                ("total", swap.0),
                ("free", swap.1),
                ("used", less(swap.0, swap.1)),
                ("cached", size("SwapCached")),
            ]),
        ),
    ];
    found.set("memory_mb", Map::from_iter(memory));
}

pub(super) fn loadavg(probe: &Probe<'_>) -> Found {
    let mut found = Found::default();
    let text = probe.read("/proc/loadavg").unwrap_or_default();
    let rounded: Vec<f64> = text.split_whitespace().take(3).filter_map(|word| word.parse().ok()).collect();
    // The kernel's own numbers have more digits than the file.
    let exact = probe.is_real().then(nix::sys::sysinfo::sysinfo).and_then(Result::ok).map(|info| info.load_average());
    if let Some((one, five, fifteen)) = exact.or_else(|| Some((*rounded.first()?, *rounded.get(1)?, *rounded.get(2)?)))
    {
        found.set("loadavg", Map::from_iter([("1m", one), ("5m", five), ("15m", fifteen)]));
    }
    found
}
