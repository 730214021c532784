//! Networks without any right: of the user's own daemon (`qemu:///session`), in QEMU's processes.
//!
//! A network that reaches the outside is each node's alone, and ssh comes in by a port of this machine. An isolated
//! one is a group of datagrams that only this machine hears: its nodes reach each other, and are reached through one
//! that is in both.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};

use crate::network::{Network, Reach};
use crate::provider::{Making, Object, ObjectKind, Owner, ProviderError, SSH};

use super::xml;

/// Label with the digest of a node's network; the network's name follows.
const NETWORK: &str = "rplay.network.";

/// What nodes are attached to: the network's name alone.
pub(super) fn network(network: &Network) -> Result<String, ProviderError> {
    let refuse = |why: &str| {
        let what = format!("make network `{}`", network.name);
        Err(ProviderError::Refused { what, why: why.to_owned() })
    };
    if network.reach == Reach::Routed || network.vlan.is_some() || network.bridge.is_some() {
        return refuse("in a session there are only `nat` and `isolated` networks, without VLANs and bridges");
    }
    if !network.cidr.network().is_ipv4() || (network.reach == Reach::Isolated && network.gateway.is_some()) {
        return refuse("in a session networks are of IPv4, and this machine has no address in isolated ones");
    }
    Ok(network.name.clone())
}

/// The networks of nodes that are there: they come and go with their nodes.
pub(super) fn networks(owner: &Owner, nodes: &[Object]) -> Vec<Object> {
    let all: BTreeMap<&str, &str> = nodes
        .iter()
        .flat_map(|node| &node.labels)
        .filter_map(|(label, digest)| Some((label.strip_prefix(NETWORK)?, digest.as_str())))
        .collect();
    let object = |(name, digest): (&str, &str)| Object {
        kind: ObjectKind::Network,
        id: format!("session-{name}"),
        labels: owner.labels(name, digest),
        state: None,
        addresses: BTreeMap::new(),
    };
    all.into_iter().map(object).collect()
}

/// Words of QEMU's command line that make a node's cards; its labels say how it is reached.
pub(super) fn cards(
    owner: &Owner,
    making: &Making<'_>,
    labels: &mut BTreeMap<String, String>,
) -> Result<Vec<String>, ProviderError> {
    let mut words = Vec::new();
    for (place, port) in making.node.ports.iter().enumerate() {
        let Some(network) = making.about.get(&port.network) else { continue };
        labels.insert(format!("{NETWORK}{}", network.name), network.digest());
        let backend = if network.reach == Reach::Isolated {
            let (group, number) = group(owner, &network.name);
            format!("socket,id=rplay{place},mcast={group}:{number},localaddr=127.0.0.1")
        } else {
            let mut backend = format!("user,id=rplay{place},net={}", network.cidr);
            if let Some(gateway) = network.gateway {
                backend.push_str(&format!(",host={gateway}"));
            }
            backend.push_str(&format!(",dhcpstart={}", port.address));
            if !labels.contains_key(SSH) {
                let number = free()?;
                labels.insert(SSH.to_owned(), format!("127.0.0.1 {number}"));
                backend.push_str(&format!(",hostfwd=tcp:127.0.0.1:{number}-{}:{}", port.address, making.node.set.port));
            }
            backend
        };
        let model = if port.model == "virtio" { "virtio-net-pci" } else { &port.model };
        let device = format!("{model},netdev=rplay{place},mac={},addr=0x{:x}", port.mac_text(), 0x10 + place);
        words.extend(["-netdev".to_owned(), backend, "-device".to_owned(), device]);
    }
    Ok(words)
}

/// The datagrams of an isolated network.
fn group(owner: &Owner, network: &str) -> (Ipv4Addr, u16) {
    let bytes = *xml::uuid(owner, "group", network).as_bytes();
    // Administratively scoped: of this organisation, and with the loopback's address of this machine.
    (Ipv4Addr::new(239, 255, bytes[0], bytes[1]), 20_000 + u16::from_be_bytes([bytes[2], bytes[3]]) % 20_000)
}

/// A port that nobody listens at.
fn free() -> Result<u16, ProviderError> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_those_of_the_nodes_that_are_there() {
        let owner = Owner { scenario: "lab".to_owned(), user: "me".to_owned() };
        let mut labels = owner.labels("one", "d");
        labels.insert(format!("{NETWORK}inner"), "abc".to_owned());
        let node =
            Object { kind: ObjectKind::Node, id: "x".to_owned(), labels, state: None, addresses: BTreeMap::new() };
        let found = networks(&owner, &[node.clone(), node]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name(), owner.owns(&found[0].labels)), (Some("inner"), true));
        assert_eq!(group(&owner, "inner"), group(&owner, "inner"));
        assert_ne!(group(&owner, "inner"), group(&owner, "outer"));
    }
}
