//! Ports that a container exposes and publishes.

use std::collections::BTreeSet;

use rplay_value::{List, Map, Value};

use super::option::put_host;
use crate::ModuleError;

/// Stands for the address that ports are published on when none is written.
pub(super) const DEFAULT_ADDRESS: &str = "\0default";

/// Reads what the user wrote: `published_ports` becomes the daemon's own form, `ports` all that is exposed.
pub(super) fn prepare(values: &mut Map) -> Result<(), ModuleError> {
    let mut exposed: BTreeSet<(u32, String)> = BTreeSet::new();
    if let Some(written) = values.get("published_ports").and_then(Value::as_list).cloned() {
        if written.iter().any(|port| port.as_str() == Some("all")) {
            return Err(ModuleError::msg(
                "Specifying \"all\" in published_ports is no longer allowed. Set publish_all_ports to \"true\" instead to \
                 randomly assign port mappings for those not specified by published_ports.",
            ));
        }
        let mut bindings = Map::new();
        for port in &written {
            for (inside, protocol, binding) in published(&port.to_str())? {
                exposed.insert((inside, protocol.clone()));
                let key = format!("{inside}/{protocol}");
                match bindings.get_mut(&key) {
                    Some(Value::List(list)) => list.push(binding),
                    _ => drop(bindings.insert(key, vec![binding])),
                }
            }
        }
        values.insert("published_ports", bindings);
    }
    for port in values.get("exposed_ports").and_then(Value::as_list).cloned().unwrap_or_default() {
        let port = port.to_str().trim().to_owned();
        let (number, protocol) = port.split_once('/').unwrap_or((&port, "tcp"));
        let int = |text: &str| text.trim().parse::<u32>();
        match number.split_once('-') {
            None => {
                let failed = |_| {
                    ModuleError::msg(format!(
                        "Cannot parse port '{number}': invalid literal for int() with base 10: '{number}'"
                    ))
                };
                exposed.insert((int(number).map_err(failed)?, protocol.to_owned()));
            }
            Some((first, last)) => {
                let failed = |why: &str| ModuleError::msg(format!("Cannot parse port range '{number}': {why}"));
                let wrong = |text: &str| failed(&format!("invalid literal for int() with base 10: '{text}'"));
                let start = int(first).map_err(|_| wrong(first))?;
                let end = int(last).map_err(|_| wrong(last))?;
                if start > end {
                    return Err(failed("start port must be smaller or equal to end port."));
                }
                exposed.extend((start..=end).map(|port| (port, protocol.to_owned())));
            }
        }
    }
    let all: List = exposed.into_iter().map(|(port, protocol)| format!("{port}/{protocol}")).collect();
    values.insert("ports", all);
    Ok(())
}

/// One entry of `published_ports`: ports of the container, their protocol, and what they are bound to.
fn published(written: &str) -> Result<Vec<(u32, String, Map)>, ModuleError> {
    let parts = split_colons(written)?;
    let inside = parts.last().map_or("", String::as_str);
    let (inside, protocol) = inside.split_once('/').unwrap_or((inside, "tcp"));
    let inside = range(inside)?;
    let (address, outside) = match parts.as_slice() {
        [_] => (DEFAULT_ADDRESS.to_owned(), None),
        [outside, _] => (DEFAULT_ADDRESS.to_owned(), Some(outside.as_str())),
        [address, outside, _] => {
            let plain = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            let (host, zone) =
                plain.map_or(("", None), |v6| v6.split_once('%').map_or((v6, None), |(host, zone)| (host, Some(zone))));
            let v6 = !host.is_empty()
                && host.chars().all(|c| c.is_ascii_hexdigit() || c == ':')
                && zone.is_none_or(|zone| !zone.is_empty() && !zone.contains(['/', ']']));
            if !is_v4(address) && !v6 {
                return Err(ModuleError::msg(format!(
                    "Bind addresses for published ports must be IPv4 or IPv6 addresses, not hostnames. Use the dig lookup \
                     to resolve hostnames. (Found hostname: {address})"
                )));
            }
            let address = if v6 && zone.is_none() { host } else { address };
            (address.to_owned(), Some(outside.as_str()).filter(|outside| !outside.is_empty()))
        }
        _ => {
            return Err(ModuleError::msg(format!(
                "Invalid port description \"{written}\" - expected 1 to 3 colon-separated parts, but got {}. Maybe you \
                 forgot to use square brackets ([...]) around an IPv6 address?",
                parts.len()
            )));
        }
    };
    let outside: Vec<String> = match outside {
        None => vec![String::new(); inside.len()],
        Some(text) if inside.len() == 1 => vec![text.to_owned()],
        Some(text) => range(text)?.iter().map(u32::to_string).collect(),
    };
    let binding = |port: String| Map::from_iter([("HostIp", address.clone()), ("HostPort", port)]);
    Ok(inside.into_iter().zip(outside).map(|(port, out)| (port, protocol.to_owned(), binding(out))).collect())
}

/// Four numbers with dots between them.
pub(super) fn is_v4(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    parts.len() == 4 && parts.iter().all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()))
}

/// `80` or `80-90`.
fn range(text: &str) -> Result<Vec<u32>, ModuleError> {
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let bad_range = || ModuleError::msg(format!("Invalid port range: \"{text}\""));
    match text.split_once('-') {
        None => {
            number(text).map(|port| vec![port]).ok_or_else(|| ModuleError::msg(format!("Invalid port: \"{text}\"")))
        }
        Some((first, last)) => {
            let (start, end) = number(first).zip(number(last)).filter(|(a, b)| a <= b).ok_or_else(bad_range)?;
            Ok((start..=end).collect())
        }
    }
}

/// Splits at colons that are not between brackets.
fn split_colons(text: &str) -> Result<Vec<String>, ModuleError> {
    let mut parts = vec![String::new()];
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            ':' => {
                parts.push(String::new());
                rest = &rest[1..];
                continue;
            }
            '[' => {
                rest.find(']').ok_or_else(|| {
                    let at = text.len() - rest.len() + 1;
                    ModuleError::msg(format!(
                        "Cannot find closing \"]\" in input \"{text}\" for opening \"[\" at index {at}!"
                    ))
                })? + 1
            }
            c => c.len_utf8(),
        };
        if let Some(part) = parts.last_mut() {
            part.push_str(&rest[..taken]);
        }
        rest = &rest[taken..];
    }
    Ok(parts)
}

/// Whether some port is published on the default address.
pub(super) fn needs_default_address(values: &Map) -> bool {
    bindings(values).any(|binding| binding.get("HostIp").and_then(Value::as_str) == Some(DEFAULT_ADDRESS))
}

fn bindings(values: &Map) -> impl Iterator<Item = &Value> {
    let ports = values.get("published_ports").and_then(Value::as_map);
    ports.into_iter().flat_map(Map::values).filter_map(Value::as_list).flat_map(|list| list.iter())
}

/// Publishes on this address what has no other.
pub(super) fn set_default_address(values: &mut Map, address: &str) {
    let Some(ports) = values.get("published_ports").and_then(Value::as_map) else { return };
    let settled = |binding: &Value| -> Value {
        let mut binding = binding.as_map().cloned().unwrap_or_default();
        if binding.get("HostIp").and_then(Value::as_str) == Some(DEFAULT_ADDRESS) {
            binding.insert("HostIp", address);
        }
        binding.into()
    };
    let ports: Map = ports
        .iter()
        .map(|(key, list)| (key.clone(), list.as_list().into_iter().flatten().map(settled).collect::<List>()))
        .collect();
    values.insert("published_ports", ports);
}

fn with_protocol(port: &str) -> String {
    if port.contains('/') { port.to_owned() } else { format!("{port}/tcp") }
}

/// What the container exposes and publishes.
pub(super) fn current(container: &Map) -> Map {
    let host = |key: &str| container.get("HostConfig").and_then(|config| config.get(key)).cloned();
    let exposed = container.get("Config").and_then(|config| config.get("ExposedPorts")?.as_map().cloned());
    let mut ports = List::new();
    for (key, _) in exposed.unwrap_or_default().texts() {
        let whole = with_protocol(key.as_str());
        let (port, protocol) = whole.rsplit_once('/').unwrap_or((&whole, "tcp"));
        let ends = port.split_once('-').and_then(|(a, b)| Some((a.parse::<u32>().ok()?, b.parse::<u32>().ok()?)));
        match ends {
            Some((first, last)) => (first..=last).for_each(|port| ports.push(format!("{port}/{protocol}"))),
            None => ports.push(format!("{port}/{protocol}")),
        }
    }
    Map::from_iter([
        ("published_ports", host("PortBindings").unwrap_or_default()),
        ("exposed_ports", ports.into()),
        ("publish_all_ports", host("PublishAllPorts").unwrap_or_default()),
    ])
}

/// What it should expose and publish; the image exposes some, too.
pub(super) fn expected(wanted: &Map, image: Option<&Map>) -> Map {
    let mut expected = Map::new();
    if let Some(ports) = wanted.get("published_ports") {
        expected.insert("published_ports", ports.clone());
    }
    let of_image = image.and_then(|image| image.get("Config")?.get("ExposedPorts")?.as_map());
    let mut all: BTreeSet<String> =
        of_image.into_iter().flat_map(Map::texts).map(|(port, _)| with_protocol(port.as_str())).collect();
    all.extend(wanted.get("ports").and_then(Value::as_list).into_iter().flatten().map(Value::to_string));
    expected.insert("exposed_ports", all.into_iter().collect::<List>());
    if let Some(all) = wanted.get("publish_all_ports") {
        expected.insert("publish_all_ports", all.clone());
    }
    expected
}

/// Puts ports into what the daemon is asked to make.
pub(super) fn set(wanted: &Map, body: &mut Map) {
    if let Some(ports) = wanted.get("ports").and_then(Value::as_list) {
        let exposed: Map = ports.iter().map(|port| (port.clone(), Map::new())).collect();
        body.insert("ExposedPorts", exposed);
    }
    put_host(body, "PortBindings", wanted.get("published_ports"));
    put_host(body, "PublishAllPorts", wanted.get("publish_all_ports").filter(|all| all.is_true()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(published: &[&str], exposed: &[&str]) -> Result<String, String> {
        let mut values = Map::from_iter([("published_ports", published.to_vec()), ("exposed_ports", exposed.to_vec())]);
        prepare(&mut values).map_err(|error| error.to_string())?;
        set_default_address(&mut values, "0.0.0.0");
        values.remove("exposed_ports");
        Ok(Value::Map(values).to_string().replace("'HostIp'", "ip").replace("'HostPort'", "port"))
    }

    #[test]
    fn ports_are_read_as_the_client_program_does() {
        insta::assert_snapshot!(prepared(&["80", "8080:81/udp", "127.0.0.1::82", "[::1]:9-10:83-84", "1:80"], &["53/udp", "90-91"]).unwrap(),
            @"{'published_ports': {'80/tcp': [{ip: '0.0.0.0', port: ''}, {ip: '0.0.0.0', port: '1'}], '81/udp': [{ip: '0.0.0.0', port: '8080'}], '82/tcp': [{ip: '127.0.0.1', port: ''}], '83/tcp': [{ip: '::1', port: '9'}], '84/tcp': [{ip: '::1', port: '10'}]}, 'ports': ['53/udp', '80/tcp', '81/udp', '82/tcp', '83/tcp', '84/tcp', '90/tcp', '91/tcp']}");
    }

    #[test]
    fn what_is_no_port_is_said() {
        let why = |port: &str| prepared(&[port], &[]).unwrap_err();
        assert_eq!(why("x"), "Invalid port: \"x\"");
        assert_eq!(why("90-80"), "Invalid port range: \"90-80\"");
        assert!(why("host:1:2").ends_with("(Found hostname: host)"));
        assert!(why("1:2:3:4").contains("expected 1 to 3 colon-separated parts, but got 4"));
        assert!(why("[::1:80").contains("Cannot find closing \"]\""));
        assert!(why("all").starts_with("Specifying \"all\""));
        assert_eq!(
            prepared(&[], &["b"]).unwrap_err(),
            "Cannot parse port 'b': invalid literal for int() with base 10: 'b'"
        );
    }
}
