//! `interfaces`, one dictionary per interface, `default_ipv4/6`, `all_ipv4/6_addresses`, `locally_reachable_ips`.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use rplay_value::{List, Map, Value};

use super::netlink::{self, Address, Route};
use super::{Found, Probe};

/// Addresses a route is looked up for to learn the default interface, as Ansible does; nothing is sent to them.
const OUTSIDE_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8));
const OUTSIDE_V6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::new(0x2404, 0x6800, 0x400a, 0x800, 0, 0, 0, 0x1012));

pub(super) fn collect(probe: &Probe<'_>) -> Found {
    let mut found = Found::default();
    let real = probe.is_real();
    let addresses = if real { netlink::addresses().unwrap_or_default() } else { Vec::new() };
    let route = |to| if real { netlink::route_to(to).unwrap_or_default() } else { Route::default() };
    let routes = (route(OUTSIDE_V4), route(OUTSIDE_V6));
    let reachable = |v4| if real { netlink::local_destinations(v4).unwrap_or_default() } else { Vec::new() };
    let mut links: Vec<(String, u32, Map)> = Vec::new();
    for name in probe.list("/sys/class/net") {
        let folder = format!("/sys/class/net/{name}");
        if !probe.path(&folder).is_dir() {
            continue;
        }
        let index = probe.read(format!("{folder}/ifindex")).and_then(|text| text.parse().ok()).unwrap_or(0);
        let mut link = link(probe, &name, &folder);
        ethtool(probe, &name, &mut link);
        links.push((name, index, link));
    }
    compose(&mut found, links, &addresses, &routes);
    let reachable = [("ipv4", reachable(true)), ("ipv6", reachable(false))];
    found.set("locally_reachable_ips", Map::from_iter(reachable));
    found
}

/// What sysfs says about one interface.
fn link(probe: &Probe<'_>, name: &str, folder: &str) -> Map {
    let read = |file: &str| probe.read(format!("{folder}/{file}"));
    let mut link = Map::new();
    link.insert("device", name);
    if let Some(mac) = read("address").filter(|mac| mac != "00:00:00:00:00:00") {
        link.insert("macaddress", mac);
    }
    if let Some(mtu) = read("mtu").and_then(|mtu| mtu.parse::<i64>().ok()) {
        link.insert("mtu", mtu);
    }
    if let Some(state) = read("operstate") {
        link.insert("active", state != "down");
    }
    if let Some(module) = probe.link_name(format!("{folder}/device/driver/module")) {
        link.insert("module", module);
    }
    if let Some(kind) = read("type") {
        let kind = match kind.as_str() {
            "1" => "ether",
            "32" => "infiniband",
            "512" => "ppp",
            "772" => "loopback",
            "65534" => "tunnel",
            _ => "unknown",
        };
        link.insert("type", kind);
    }
    if probe.exists(format!("{folder}/bridge")) {
        link.insert("type", "bridge");
        link.insert("interfaces", probe.list(format!("{folder}/brif")));
        link.insert("id", read("bridge/bridge_id").unwrap_or_default());
        link.insert("stp", read("bridge/stp_state").as_deref() == Some("1"));
    }
    if probe.exists(format!("{folder}/bonding")) {
        let first = |file: &str| {
            let text = read(&format!("bonding/{file}")).unwrap_or_default();
            text.split_whitespace().next().unwrap_or_default().to_owned()
        };
        link.insert("type", "bonding");
        link.insert("slaves", read("bonding/slaves").unwrap_or_default().split_whitespace().collect::<List>());
        for file in ["mode", "miimon", "lacp_rate"] {
            link.insert(file, first(file));
        }
        if let Some(primary) = read("bonding/primary") {
            link.insert("primary", primary);
            if let Some(active) = read("bonding/all_slaves_active") {
                link.insert("all_slaves_active", active == "1");
            }
        }
    }
    if probe.exists(format!("{folder}/bonding_slave")) {
        link.insert("perm_macaddress", read("bonding_slave/perm_hwaddr").unwrap_or_default());
    }
    if let Some(id) = probe.link_name(format!("{folder}/device")) {
        link.insert("pciid", id);
    }
    if let Some(speed) = read("speed").and_then(|speed| speed.parse::<i64>().ok()) {
        link.insert("speed", speed);
    }
    if let Some(flags) = read("flags").and_then(|flags| i64::from_str_radix(flags.trim_start_matches("0x"), 16).ok()) {
        link.insert("promisc", flags & 0x100 != 0);
    }
    link
}

/// What `ethtool` says, where it is installed.
fn ethtool(probe: &Probe<'_>, name: &str, link: &mut Map) {
    let Some(ethtool) = probe.which("ethtool") else { return };
    if let Some(out) = probe.run(&[&ethtool, "-k", name]) {
        let features = out.trim().lines().filter_map(|line| {
            let (key, value) = line.split_once(": ")?;
            Some((key.trim().replace('-', "_"), value.trim().to_owned()))
        });
        link.insert("features", features.collect::<Map>());
    }
    if let Some(out) = probe.run(&[&ethtool, "-T", name]) {
        let words = |prefix: &str| {
            let words = out.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            words.filter_map(|word| word.strip_prefix(prefix)).map(str::to_lowercase).collect::<List>()
        };
        link.insert("timestamping", words("SOF_TIMESTAMPING_"));
        link.insert("hw_timestamp_filters", words("HWTSTAMP_FILTER_"));
        let clock = out.lines().find_map(|line| line.trim().strip_prefix("PTP Hardware Clock: ")?.parse::<i64>().ok());
        if let Some(clock) = clock {
            link.insert("phc_index", clock);
        }
    }
}

/// Puts addresses and routes on the interfaces.
fn compose(found: &mut Found, links: Vec<(String, u32, Map)>, addresses: &[Address], routes: &(Route, Route)) {
    let names: HashMap<u32, &str> = links.iter().map(|(name, index, _)| (*index, name.as_str())).collect();
    let start = |route: &Route| {
        let mut default = Map::new();
        let Some(name) = route.index.and_then(|index| names.get(&index)) else { return default };
        if let Some(gateway) = route.gateway {
            default.insert("gateway", gateway.to_string());
        }
        default.insert("interface", *name);
        if let Some(source) = route.source {
            default.insert("address", source.to_string());
        }
        default
    };
    let (mut default_v4, mut default_v6) = (start(&routes.0), start(&routes.1));
    let (mut all_v4, mut all_v6) = (List::new(), List::new());
    let order: Vec<String> = links.iter().map(|(name, ..)| name.clone()).collect();
    let mut interfaces: Map = links.iter().map(|(name, _, link)| (name.as_str(), link.clone())).collect();
    for (device, index, link) in &links {
        let inherited: Vec<(&str, Value)> = ["macaddress", "mtu", "type"]
            .into_iter()
            .filter_map(|key| {
                Some((key, link.get(key).cloned().or_else(|| (key == "type").then(|| "unknown".into()))?))
            })
            .collect();
        let of_device: Vec<&Address> = addresses.iter().filter(|address| address.index == *index).collect();
        let (secondary, primary): (Vec<&Address>, Vec<&Address>) = of_device.into_iter().partition(|a| a.secondary);
        for address in primary.into_iter().chain(secondary) {
            let text = address.ip.to_string();
            match address.ip {
                IpAddr::V4(v4) => {
                    let entry = v4_entry(v4, address);
                    let label = address.label.as_deref().unwrap_or(device);
                    put_v4(&mut interfaces, device, label, entry.clone(), address.secondary);
                    if default_v4.get("address").and_then(Value::as_str) == Some(&text) {
                        default_v4.extend(entry);
                        default_v4.extend(inherited.iter().map(|(key, value)| (Value::from(*key), value.clone())));
                        default_v4.insert("alias", label);
                    }
                    if !v4.is_loopback() {
                        all_v4.push(text);
                    }
                }
                IpAddr::V6(v6) => {
                    let scope = scope(address.scope);
                    let entry =
                        [("address", text.clone()), ("prefix", address.prefix.to_string()), ("scope", scope.clone())];
                    let entry = Map::from_iter(entry);
                    if let Some(Value::Map(interface)) = interfaces.get_mut(device) {
                        append(interface, "ipv6", entry);
                    }
                    if default_v6.get("address").and_then(Value::as_str) == Some(&text) {
                        default_v6.insert("prefix", address.prefix.to_string());
                        default_v6.insert("scope", scope);
                        default_v6.extend(inherited.iter().map(|(key, value)| (Value::from(*key), value.clone())));
                    }
                    if !v6.is_loopback() {
                        all_v6.push(text);
                    }
                }
            }
        }
    }
    let mut listed = List::new();
    let extra: Vec<String> =
        interfaces.texts().map(|(name, _)| name.to_string()).filter(|n| !order.contains(n)).collect();
    for name in order.into_iter().chain(extra) {
        // A colon is hard to write in a template.
        let fact = name.replace(':', "_");
        if let Some(interface) = interfaces.get(&name) {
            found.set(&fact, interface.clone());
        }
        listed.push(fact);
    }
    found.set("interfaces", listed);
    found.set("default_ipv4", default_v4);
    found.set("default_ipv6", default_v6);
    found.set("all_ipv4_addresses", all_v4);
    found.set("all_ipv6_addresses", all_v6);
}

fn v4_entry(v4: Ipv4Addr, address: &Address) -> Map {
    // `ip` shows no prefix for the near end of a point-to-point link; Ansible takes 32 then.
    let length = if address.peer.is_some() { 32 } else { u32::from(address.prefix.min(32)) };
    let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
    let broadcast = address.broadcast.filter(|_| address.peer.is_none());
    Map::from_iter([
        ("address", v4.to_string()),
        ("broadcast", broadcast.map(|b| b.to_string()).unwrap_or_default()),
        ("netmask", Ipv4Addr::from(mask).to_string()),
        ("network", Ipv4Addr::from(u32::from(v4) & mask).to_string()),
        ("prefix", length.to_string()),
    ])
}

/// The first address of an interface is its `ipv4`; further ones, and those with a label of their own, are listed.
fn put_v4(interfaces: &mut Map, device: &str, label: &str, entry: Map, secondary: bool) {
    if label != device {
        interfaces.insert(label, Map::new());
    }
    if let Some(Value::Map(interface)) = interfaces.get_mut(label) {
        if !secondary && !interface.contains("ipv4") {
            interface.insert("ipv4", entry.clone());
        } else {
            append(interface, "ipv4_secondaries", entry.clone());
        }
    }
    if secondary
        && label != device
        && let Some(Value::Map(interface)) = interfaces.get_mut(device)
    {
        append(interface, "ipv4_secondaries", entry);
    }
}

fn append(map: &mut Map, key: &str, item: Map) {
    let mut list = map.get(key).and_then(Value::as_list).cloned().unwrap_or_default();
    list.push(item);
    map.insert(key, list);
}

/// The name `ip` gives a scope.
fn scope(number: u8) -> String {
    match number {
        0 => "global".into(),
        200 => "site".into(),
        253 => "link".into(),
        254 => "host".into(),
        255 => "nowhere".into(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(ip: &str, prefix: u8, secondary: bool, label: &str) -> Address {
        Address {
            index: 2,
            ip: ip.parse().unwrap(),
            peer: None,
            broadcast: Some(Ipv4Addr::new(10, 0, 0, 255)),
            prefix,
            scope: 0,
            secondary,
            label: Some(label.to_owned()),
        }
    }

    #[test]
    fn addresses_land_where_ansible_puts_them() {
        let link =
            Map::from_iter([("device", Value::from("eth0")), ("mtu", Value::Int(1500)), ("type", "ether".into())]);
        let addresses = [
            address("10.0.0.5", 24, false, "eth0"),
            address("10.0.0.6", 24, true, "eth0"),
            address("10.0.0.7", 24, true, "eth0:1"),
            Address { broadcast: None, label: None, ..address("fe80::1", 64, false, "") },
        ];
        let route = Route { index: Some(2), source: Some(addresses[0].ip), gateway: "10.0.0.1".parse().ok() };
        let mut found = Found::default();
        compose(&mut found, vec![("eth0".into(), 2, link)], &addresses, &(route, Route::default()));
        let text = |name: &str| serde_json::to_string(found.facts.get(name).unwrap()).unwrap();
        assert_eq!(text("interfaces"), r#"["eth0","eth0_1"]"#);
        assert_eq!(text("all_ipv4_addresses"), r#"["10.0.0.5","10.0.0.6","10.0.0.7"]"#);
        assert_eq!(text("default_ipv6"), "{}");
        let eth0 = found.facts.get("eth0").unwrap();
        assert_eq!(eth0.get("ipv4_secondaries").unwrap().as_list().unwrap().len(), 2);
        assert_eq!(eth0.get("ipv4").unwrap().get("network"), Some(&Value::from("10.0.0.0")));
        let default = found.facts.get("default_ipv4").unwrap();
        for (key, value) in
            [("alias", "eth0"), ("gateway", "10.0.0.1"), ("netmask", "255.255.255.0"), ("type", "ether")]
        {
            assert_eq!(default.get(key), Some(&Value::from(value)), "{key}");
        }
        assert_eq!(found.facts.get("eth0_1").unwrap().get("ipv4_secondaries").unwrap().as_list().unwrap().len(), 1);
    }
}
