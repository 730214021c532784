//! What gathering costs: `cargo test --release -p rplay-modules --lib -- --ignored --nocapture facts::figures`.

use std::time::{Duration, Instant};

use super::{COLLECTORS, Probe, Request, gather};
use crate::{Context, Real};

/// The first of eleven times and the middle of the others, in milliseconds.
fn times(mut work: impl FnMut()) -> (f64, f64) {
    let mut times: Vec<Duration> = (0..11)
        .map(|_| {
            let begin = Instant::now();
            work();
            begin.elapsed()
        })
        .collect();
    let first = times.remove(0);
    times.sort();
    (first.as_secs_f64() * 1000.0, times[5].as_secs_f64() * 1000.0)
}

#[test]
#[ignore = "figures, not a check"]
fn all_subsets_on_this_machine() {
    let (sys, call) = (Real::default(), rplay_protocol::Call::default());
    let cx = Context::new(&sys, &call);
    let request =
        |subset| Request { subset: vec![subset], filter: vec![], timeout: 10, fact_path: "/etc/ansible/facts.d" };
    println!("{:<20} {:>10} {:>10}", "subset", "first", "again");
    for subset in ["all", "min", "!all", "network", "hardware"] {
        let (first, again) = times(|| drop(gather(&cx, &request(subset))));
        println!("{subset:<20} {first:7.2} ms {again:7.2} ms");
    }
    println!("one after the other:");
    let mut probe = Probe::new(&cx, 10, "/etc/ansible/facts.d");
    for collector in COLLECTORS {
        let (first, again) = times(|| {
            // What was asked once is not asked again: a new look each time.
            probe.python = std::sync::OnceLock::new();
            drop((collector.collect)(&probe));
        });
        println!("  {:<18} {first:7.2} ms {again:7.2} ms", collector.name);
        let found = (collector.collect)(&probe);
        probe.learn(&found.facts);
    }
}
