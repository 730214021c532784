//! What `facter` and `ohai` report, where they are installed.

use rplay_value::Map;

use super::{Found, Probe};

pub(super) fn facter(probe: &Probe<'_>) -> Found {
    let puppet = "/opt/puppetlabs/bin/";
    let program = ["cfacter", "facter"].iter().find_map(|name| {
        let installed = format!("{puppet}{name}");
        probe.which(name).or_else(|| probe.exists(&installed).then_some(installed))
    });
    let printed = program
        .and_then(|facter| probe.run(&[&facter, "--puppet", "--json"]).or_else(|| probe.run(&[&facter, "--json"])));
    from_json(printed)
}

pub(super) fn ohai(probe: &Probe<'_>) -> Found {
    from_json(probe.which("ohai").and_then(|ohai| probe.run(&[&ohai])))
}

fn from_json(printed: Option<String>) -> Found {
    let facts = printed.and_then(|text| serde_json::from_str::<Map>(&text).ok()).unwrap_or_default();
    Found { facts, warnings: Vec::new() }
}
