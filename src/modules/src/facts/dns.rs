//! `dns`: what `/etc/resolv.conf` says.

use rplay_value::{List, Map, Value};

use super::{Found, Probe};

pub(super) fn collect(probe: &Probe<'_>) -> Found {
    let mut dns = Map::new();
    let mut servers = List::new();
    for line in probe.lines("/etc/resolv.conf") {
        if line.starts_with(['#', ';']) {
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some((word, values)) = words.split_first() else { continue };
        match *word {
            "nameserver" => {
                servers.make_mut().extend(values.iter().map(|value| Value::from(*value)));
                dns.insert("nameservers", servers.clone());
            }
            "domain" => {
                if let Some(domain) = values.first() {
                    dns.insert("domain", *domain);
                }
            }
            "search" | "sortlist" => {
                dns.insert(*word, values.iter().copied().collect::<List>());
            }
            "options" => {
                let options = values.iter().map(|option| match option.split_once(':') {
                    Some((name, value)) if !value.is_empty() => (name, Value::from(value)),
                    Some((name, _)) => (name, Value::Bool(true)),
                    None => (*option, Value::Bool(true)),
                });
                dns.insert("options", options.collect::<Map>());
            }
            _ => {}
        }
    }
    let mut found = Found::default();
    found.set("dns", dns);
    found
}
