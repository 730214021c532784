//! The nodes that a scenario makes, each with its name, addresses and hardware addresses, before anything is made.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use indexmap::IndexMap;
use rplay_diag::{Diagnose, Diagnostic, nearest, quoted_list};
use sha2::{Digest, Sha256};

use crate::node::{NodeSet, Provider};
use crate::scenario::Scenario;

/// A node's place in a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The network.
    pub network: String,
    /// Its hardware address.
    pub mac: [u8; 6],
    /// Its address.
    pub address: IpAddr,
    /// Model of the card.
    pub model: String,
    /// The default route goes here.
    pub default_route: bool,
}

impl Port {
    /// The hardware address as text.
    pub fn mac_text(&self) -> String {
        let parts: Vec<String> = self.mac.iter().map(|byte| format!("{byte:02x}")).collect();
        parts.join(":")
    }
}

/// One node to make.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    /// Its name: also its host name and its name in the inventory.
    pub name: String,
    /// Its place among those alike.
    pub index: usize,
    /// What the file says.
    pub set: &'a NodeSet,
    /// Its places in networks.
    pub ports: Vec<Port>,
}

impl Node<'_> {
    /// Where an existing node is reached.
    pub fn host(&self) -> Option<&str> {
        self.set.hosts.get(self.index).map(String::as_str)
    }
}

/// Why nodes cannot be laid out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopologyError {
    /// A count for a node that is not there.
    #[error("there is no node `{name}` to have {count} of")]
    UnknownNode {
        /// The name.
        name: String,
        /// How many were asked for.
        count: usize,
        /// The nearest that is there.
        near: Option<String>,
        /// All that are there.
        known: Vec<String>,
    },
    /// A list of counts that cannot be read.
    #[error("`{0}` is no count of nodes")]
    Count(String),
    /// More nodes than addresses.
    #[error("network `{network}` ({cidr}) has no address left for `{node}`")]
    Full {
        /// The network.
        network: String,
        /// Its addresses.
        cidr: String,
        /// The node.
        node: String,
    },
    /// Two nodes with one address.
    #[error("`{first}` and `{second}` both have {address}")]
    Taken {
        /// The address.
        address: String,
        /// Who has it.
        first: String,
        /// Who wants it.
        second: String,
    },
}

impl Diagnose for TopologyError {
    fn diagnostic(&self) -> Diagnostic {
        let diagnostic = Diagnostic::error(self.to_string());
        match self {
            Self::UnknownNode { near: Some(near), .. } => diagnostic.hint(format!("did you mean `{near}`?")),
            Self::UnknownNode { known, .. } => {
                diagnostic.hint(format!("the nodes are {}", quoted_list(known.iter().map(String::as_str))))
            }
            Self::Count(_) => diagnostic.hint("write NAME:COUNT,NAME:COUNT, as in undercloud:1,controller:3"),
            Self::Full { .. } => diagnostic.hint("a larger `cidr` has more addresses"),
            Self::Taken { .. } => diagnostic,
        }
    }
}

/// How many of each node: `undercloud:1,controller:3`, as `--nodes` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(IndexMap<String, usize>);

impl Counts {
    /// Reads a list of counts; more can be added.
    pub fn add(&mut self, text: &str) -> Result<(), TopologyError> {
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let wrong = || TopologyError::Count(part.to_owned());
            let (name, count) = part.split_once([':', '=']).ok_or_else(wrong)?;
            self.0.insert(name.trim().to_owned(), count.trim().parse().map_err(|_| wrong())?);
        }
        Ok(())
    }

    /// What was said, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, usize)> {
        self.0.iter().map(|(name, count)| (name.as_str(), *count))
    }

    /// How many of this node, if that was said.
    pub fn of(&self, node: &NodeSet) -> Option<usize> {
        // One node that keeps its bare name is one node still.
        self.0.get(&node.name).copied().filter(|count| node.count.is_some() || *count != 1)
    }
}

/// What nodes that are there already have: by node and network.
pub type Known = HashMap<(String, String), (IpAddr, [u8; 6])>;

impl Scenario {
    /// The nodes to make, in the file's order. What is `known` keeps its addresses; new nodes get the lowest free ones from
    /// the tenth on, so that adding nodes moves none.
    pub fn topology(&self, counts: &Counts, known: &Known) -> Result<Vec<Node<'_>>, TopologyError> {
        for (name, count) in &counts.0 {
            if !self.nodes.contains_key(name) {
                let near = nearest(name, self.nodes.keys().map(String::as_str)).map(str::to_owned);
                let all = self.nodes.keys().cloned().collect();
                return Err(TopologyError::UnknownNode { name: name.clone(), count: *count, near, known: all });
            }
        }
        let mut nodes = Vec::new();
        for set in self.nodes.values() {
            for (index, name) in set.names(counts.of(set)).into_iter().enumerate() {
                nodes.push(Node { name, index, set, ports: Vec::new() });
            }
        }
        let mut taken = self.taken(&nodes, known)?;
        for node in nodes.iter_mut().filter(|node| node.set.provider != Provider::Existing) {
            let default = self.default_route(node.set);
            for (place, attachment) in node.set.networks.iter().enumerate() {
                let Some(network) = self.networks.get(&attachment.network.text) else { continue };
                let key = (node.name.clone(), network.name.clone());
                let fixed = node.set.addresses.get(&network.name).copied();
                let address = match fixed.or_else(|| known.get(&key).map(|(address, _)| *address)) {
                    Some(address) => address,
                    None => free(network.cidr, &taken).ok_or_else(|| TopologyError::Full {
                        network: network.name.clone(),
                        cidr: network.cidr.to_string(),
                        node: node.name.clone(),
                    })?,
                };
                taken.insert(address);
                let mac = node.set.macs.get(&network.name).copied().or_else(|| known.get(&key).map(|(_, mac)| *mac));
                node.ports.push(Port {
                    network: network.name.clone(),
                    mac: mac.unwrap_or_else(|| made_up(&self.name, &node.name, &network.name)),
                    address,
                    model: attachment.model.clone(),
                    default_route: default == Some(place),
                });
            }
        }
        Ok(nodes)
    }

    /// Addresses that nobody new may have: fixed ones, known ones, the machine's own.
    fn taken(&self, nodes: &[Node<'_>], known: &Known) -> Result<HashSet<IpAddr>, TopologyError> {
        let mut owners: HashMap<IpAddr, &str> = HashMap::new();
        for node in nodes {
            for address in node.set.addresses.values() {
                if let Some(first) = owners.insert(*address, &node.name) {
                    return Err(TopologyError::Taken {
                        address: address.to_string(),
                        first: first.to_owned(),
                        second: node.name.clone(),
                    });
                }
            }
        }
        let gateways = self.networks.values().filter_map(|network| network.gateway);
        Ok(owners.into_keys().chain(gateways).chain(known.values().map(|(address, _)| *address)).collect())
    }

    /// The place of the network that the default route of a node goes through: as said, else the first with a gateway.
    fn default_route(&self, set: &NodeSet) -> Option<usize> {
        let said = set.networks.iter().position(|attachment| attachment.default_route == Some(true));
        said.or_else(|| {
            set.networks.iter().position(|attachment| {
                attachment.default_route != Some(false)
                    && self.networks.get(&attachment.network.text).is_some_and(|network| network.gateway.is_some())
            })
        })
    }
}

/// The lowest free address from the tenth on, then from the first on.
fn free(cidr: ipnet::IpNet, taken: &HashSet<IpAddr>) -> Option<IpAddr> {
    let mut hosts = cidr.hosts().skip(9).chain(cidr.hosts().take(9));
    hosts.find(|address| !taken.contains(address))
}

/// A hardware address of the range that hypervisors use, the same whenever the node is made.
fn made_up(scenario: &str, node: &str, network: &str) -> [u8; 6] {
    let digest = Sha256::digest(format!("{scenario}\0{node}\0{network}"));
    [0x52, 0x54, 0x00, digest[0], digest[1], digest[2]]
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;

    fn scenario(text: &str) -> Scenario {
        let sources = Arc::new(rplay_diag::Sources::new());
        let source = sources.add("scenario.yml", text);
        let node = rplay_yaml::parse(&sources, source).unwrap().node;
        Scenario::from_document(Path::new("scenario.yml"), node, &sources).unwrap()
    }

    const LAB: &str = "
name: lab
networks:
  inner: {kind: isolated, cidr: 192.0.2.0/28}
  outer: {cidr: 198.51.100.0/24}
images: {base: {debootstrap: {}}}
types:
  node: {image: base, networks: [inner, outer]}
nodes:
  under: {type: node, addresses: {outer: 198.51.100.10}}
  controller: {type: node, count: 2}
  compute: {type: node, count: 1}
";

    fn shown(nodes: &[Node<'_>]) -> Vec<String> {
        let port = |port: &Port| format!("{}{}", port.address, if port.default_route { "*" } else { "" });
        nodes.iter().map(|n| format!("{} {}", n.name, n.ports.iter().map(port).collect::<Vec<_>>().join(" "))).collect()
    }

    #[test]
    fn names_and_addresses_follow_the_file() {
        let lab = scenario(LAB);
        let nodes = lab.topology(&Counts::default(), &Known::new()).unwrap();
        assert_eq!(
            shown(&nodes),
            [
                "under 192.0.2.10 198.51.100.10*",
                "controller-0 192.0.2.11 198.51.100.11*",
                "controller-1 192.0.2.12 198.51.100.12*",
                "compute-0 192.0.2.13 198.51.100.13*",
            ]
        );
        let again = lab.topology(&Counts::default(), &Known::new()).unwrap();
        assert_eq!(nodes[1].ports[0].mac, again[1].ports[0].mac);
        assert!(nodes[1].ports[0].mac_text().starts_with("52:54:00:"));
    }

    #[test]
    fn more_nodes_move_none_that_are_known() {
        let lab = scenario(LAB);
        let known: Known = lab
            .topology(&Counts::default(), &Known::new())
            .unwrap()
            .iter()
            .flat_map(|node| node.ports.iter().map(|p| ((node.name.clone(), p.network.clone()), (p.address, p.mac))))
            .collect();
        let mut counts = Counts::default();
        counts.add("under:1, controller:4").unwrap();
        let nodes = lab.topology(&counts, &known).unwrap();
        let names: Vec<String> = shown(&nodes).iter().map(|n| n.rsplit_once(' ').unwrap().0.to_owned()).collect();
        assert_eq!(
            names,
            [
                "under 192.0.2.10",
                "controller-0 192.0.2.11",
                "controller-1 192.0.2.12",
                "controller-2 192.0.2.14",
                "controller-3 192.0.2.1",
                "compute-0 192.0.2.13"
            ]
        );
    }

    #[test]
    fn what_cannot_be_is_told() {
        let lab = scenario(LAB);
        let mut counts = Counts::default();
        assert_eq!(counts.add("controller"), Err(TopologyError::Count("controller".to_owned())));
        counts.add("compute:20").unwrap();
        let error = lab.topology(&counts, &Known::new()).unwrap_err();
        assert_eq!(error.to_string(), "network `inner` (192.0.2.0/28) has no address left for `compute-11`");
        let mut counts = Counts::default();
        counts.add("computes:2").unwrap();
        let error = lab.topology(&counts, &Known::new()).unwrap_err();
        assert_eq!(error.diagnostic().hints, ["did you mean `compute`?"]);
    }
}
