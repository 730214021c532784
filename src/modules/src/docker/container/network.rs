//! The networks a container is connected with.

use rplay_value::{List, Map, Value};

use super::super::compare::{Comparison, Shape, equal};
use super::super::inspect::items;
use super::super::options::address;
use super::prepare::{Reader, network_id};
use crate::ModuleError;

/// Reads `networks`, with their ids, and the mode.
pub(super) fn prepare(reader: &mut Reader<'_, '_>, values: &mut Map) -> Result<(), ModuleError> {
    if let Some(networks) = values.get("networks").and_then(Value::as_list).cloned() {
        let mut read = List::new();
        for network in networks.iter().filter_map(Value::as_map) {
            let mut network = network.clone();
            if let Some(links) = network.get("links").filter(|links| links.is_true()) {
                let pair = |link: &Value| {
                    let link = link.to_str().into_owned();
                    let (name, alias) = link.split_once(':').unwrap_or((&link, &link));
                    Value::from(vec![name.to_owned(), alias.to_owned()])
                };
                let pairs: List = items(links).map(pair).collect();
                network.insert("links", pairs);
            }
            if let Some(mac) = network.get("mac_address").and_then(Value::as_str).map(|mac| mac.replace('-', ":")) {
                network.insert("mac_address", mac);
            }
            let name = network.get("name").map(Value::to_string).unwrap_or_default();
            let id = network_id(reader.engine, &name)?.ok_or_else(|| {
                ModuleError::msg(format!("Parameter error: network named {name} could not be found. Does it exist?"))
            })?;
            network.insert("id", id);
            read.push(network);
        }
        values.insert("networks", read);
    }
    if let Some(mode) = values.get("network_mode").cloned() {
        values.insert("network_mode", reader.container_mode(mode)?);
    }
    Ok(())
}

/// How the daemon is asked to connect a container with a network.
pub(in crate::docker) fn endpoint(network: &Map) -> Map {
    let given = |key: &str| network.get(key).filter(|value| value.is_true());
    let mut endpoint = Map::new();
    if let Some(links) = given("links") {
        let mut links: Vec<String> = items(links).map(linked).collect();
        links.sort();
        endpoint.insert("Links", links);
    }
    for (key, option) in [("Aliases", "aliases"), ("MacAddress", "mac_address")] {
        if let Some(value) = given(option) {
            endpoint.insert(key, value.clone());
        }
    }
    let addresses = [("IPv4Address", "ipv4_address"), ("IPv6Address", "ipv6_address")];
    let addresses: Map =
        addresses.into_iter().filter_map(|(key, option)| Some((key, given(option)?.clone()))).collect();
    if !addresses.is_empty() {
        endpoint.insert("IPAMConfig", addresses);
    }
    endpoint
}

/// `name:alias`
fn linked(pair: &Value) -> String {
    items(pair).map(Value::to_string).collect::<Vec<_>>().join(":")
}

/// Networks that the container is not connected with as it should be: what is wanted, and what is there.
pub(in crate::docker) fn differences(container: &Map, networks: &[Map]) -> Vec<(Map, Option<Map>)> {
    let connected = container.get("NetworkSettings").and_then(|settings| settings.get("Networks"));
    let mut differences = Vec::new();
    for wanted in networks {
        let name = wanted.get("name").map(Value::to_string).unwrap_or_default();
        let Some(there) = connected.and_then(|networks| networks.get(&name)) else {
            differences.push((wanted.clone(), None));
            continue;
        };
        let ipam = there.get("IPAMConfig").cloned().unwrap_or_default();
        let given = |key: &str| wanted.get(key).filter(|value| value.is_true());
        let other_address = |option: &str, key: &str| {
            given(option).is_some_and(|wanted| address(Some(wanted)) != address(ipam.get(key)))
        };
        let missing = |wanted: &Value, key: &str| {
            let there = there.get(key).cloned().unwrap_or_default();
            !equal(wanted, &there, Comparison::AllowMorePresent, Shape::Set)
        };
        let links: List = given("links").into_iter().flat_map(items).map(linked).collect();
        let different = other_address("ipv4_address", "IPv4Address")
            || other_address("ipv6_address", "IPv6Address")
            || given("aliases").is_some_and(|aliases| missing(aliases, "Aliases"))
            || !links.is_empty() && missing(&links.into(), "Links")
            || given("mac_address").is_some_and(|mac| Some(mac) != there.get("MacAddress"));
        if different {
            let own = |key: &str| there.get(key).cloned().unwrap_or_default();
            let shown = Map::from_iter([
                ("name", Value::from(name)),
                ("ipv4_address", ipam.get("IPv4Address").cloned().unwrap_or_default()),
                ("ipv6_address", ipam.get("IPv6Address").cloned().unwrap_or_default()),
                ("aliases", own("Aliases")),
                ("links", own("Links")),
                ("mac_address", own("MacAddress")),
            ]);
            differences.push((wanted.clone(), Some(shown)));
        }
    }
    differences
}

/// Networks that the container is connected with but should not be: `name` and `id`.
pub(in crate::docker) fn extra(container: &Map, networks: &[Map]) -> Vec<Map> {
    let connected = container.get("NetworkSettings").and_then(|settings| settings.get("Networks")?.as_map());
    let wanted = |name: &str| networks.iter().any(|n| n.get("name").and_then(Value::as_str) == Some(name));
    let extra = connected.into_iter().flat_map(Map::texts).filter(|(name, _)| !wanted(name.as_str()));
    extra
        .map(|(name, network)| {
            let id = network.get("NetworkID").cloned().unwrap_or_default();
            Map::from_iter([("name", Value::from(name.as_str())), ("id", id)])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use rplay_value::json::loads;

    use super::*;

    fn map(json: &str) -> Map {
        loads(json).unwrap().as_map().unwrap().clone()
    }

    #[test]
    fn connections_are_compared() {
        let container =
            map(r#"{"NetworkSettings": {"Networks": {"a": {"NetworkID": "1", "Aliases": ["x", "y"], "Links": null,
                "IPAMConfig": {"IPv4Address": "10.0.0.2"}, "MacAddress": "m"}, "z": {"NetworkID": "2"}}}}"#);
        let same = map(r#"{"name": "a", "aliases": ["y"], "ipv4_address": "10.0.0.2", "links": null}"#);
        assert!(differences(&container, std::slice::from_ref(&same)).is_empty());
        let other = map(r#"{"name": "a", "links": [["c", "d"]]}"#);
        let missing = map(r#"{"name": "b"}"#);
        let found = differences(&container, &[other, missing]);
        assert_eq!(found.len(), 2);
        assert!(found[0].1.is_some() && found[1].1.is_none());
        assert_eq!(Value::from(extra(&container, &[same])).to_string(), "[{'name': 'z', 'id': '2'}]");
    }

    #[test]
    fn endpoints() {
        let network = map(
            r#"{"name": "a", "id": "1", "links": [["c", "d"], ["a", "b"]], "ipv4_address": "10.0.0.2", "aliases": []}"#,
        );
        assert_eq!(
            Value::Map(endpoint(&network)).to_string(),
            "{'Links': ['a:b', 'c:d'], 'IPAMConfig': {'IPv4Address': '10.0.0.2'}}"
        );
    }
}
