//! A node as a domain: what it is made with, how it comes up, and its end.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::{Libvirt, called, foreign, session, text, xml};
use crate::handoff::Way;
use crate::provider::machine::{self, Base};
use crate::provider::{BRIDGE, DIGEST, Making, Object, ObjectKind, Owner, ProviderError, State};
use crate::units;

/// Label with a node's address and hardware address in a network; the network's name follows.
const PORT: &str = "rplay.port.";
/// What a system of a recipe of ours boots with besides what it is told of itself: its console is the file, and a
/// translated processor has nothing to be protected from.
const LINE: &str = "root=LABEL=root rw console=ttyS0 loglevel=5 mitigations=off no5lvl random.trust_cpu=on panic=10";

fn state_of(found: &Value) -> State {
    match found["state"].as_str() {
        Some("running") => State::Running,
        Some("paused") => State::Paused,
        _ => State::Stopped,
    }
}

/// Addresses by network, as the labels of a domain say.
fn addresses(labels: &BTreeMap<String, String>) -> BTreeMap<String, (IpAddr, [u8; 6])> {
    let port = |(key, value): (&String, &String)| {
        let (address, mac) = value.split_once(' ')?;
        Some((key.strip_prefix(PORT)?.to_owned(), (address.parse().ok()?, units::mac(mac)?)))
    };
    labels.iter().filter_map(port).collect()
}

impl Libvirt {
    /// The domains of an owner.
    pub(super) async fn domains(&self, owner: &Owner) -> Result<Vec<Object>, ProviderError> {
        let listed = self.ask("list domains", "domains", json!({})).await?;
        let mut found = Vec::new();
        for domain in listed.as_array().into_iter().flatten() {
            let labels = xml::labels_of(domain["xml"].as_str().unwrap_or_default());
            if owner.owns(&labels) {
                let (id, state) = (text(&domain["name"]), Some(state_of(domain)));
                let addresses = addresses(&labels);
                found.push(Object { kind: ObjectKind::Node, id, labels, state, addresses });
            }
        }
        Ok(found)
    }

    async fn domain(&self, called: &str) -> Result<Option<Value>, ProviderError> {
        let listed = self.ask(&format!("look at `{called}`"), "domains", json!({})).await?;
        Ok(listed.as_array().into_iter().flatten().find(|domain| domain["name"] == called).cloned())
    }

    /// Whether a domain is at work; `None` when it is gone.
    pub(super) async fn state(&self, called: &str) -> Result<Option<State>, ProviderError> {
        Ok(self.domain(called).await?.as_ref().map(state_of))
    }

    /// A running domain as it is asked for; what is there already and the same is left alone.
    pub(super) async fn make(&self, owner: &Owner, making: &Making<'_>) -> Result<Way, ProviderError> {
        let node = making.node;
        let called = called(owner, &node.name);
        let what = format!("make node `{}`", node.name);
        let base = Base::of(&making.image)?;
        let mut state = None;
        let found = self.domain(&called).await?;
        if let Some(found) = &found {
            let labels = xml::labels_of(found["xml"].as_str().unwrap_or_default());
            if !owner.owns(&labels) {
                return Err(foreign("node", &called));
            }
            if labels.get(DIGEST) == Some(&making.digest) {
                state = Some(state_of(found));
            } else {
                self.ask(&what, "domain-remove", json!({"name": called})).await?;
            }
        }
        let address = node.ports.first().map(|port| port.address.to_string());
        let way = Way::Ssh { host: address.unwrap_or_default(), port: node.set.port };
        if state.is_none() {
            let disks = self.disks(owner, making, &base).await?;
            let domain = self.asked(owner, making, &base, disks).await?;
            self.ask(&what, "domain-define", json!({"xml": xml::domain(&domain)?})).await?;
        }
        if let (Some(State::Stopped), Some(found)) = (state, &found) {
            // This machine may have come up with another processor, or what probed it knows more now.
            let stored = found["xml"].as_str().unwrap_or_default();
            if let Some(xml) = xml::on(stored, self.accelerator().await?) {
                self.ask(&what, "domain-define", json!({"xml": xml})).await?;
            }
        }
        // Also when the network was made anew since.
        self.leases(making).await?;
        if !node.set.start {
            return Ok(way);
        }
        let mut before = 0;
        // One that runs may still be on its way up: who started it was killed. At first it stands still.
        if state != Some(State::Running) {
            if state != Some(State::Paused) {
                before = self.console_from(owner, &node.name, 0).await?.len() as u64;
            }
            self.ask(&format!("start node `{}`", node.name), "domain-start", json!({"name": called})).await?;
        }
        // One with an empty disk has nobody in it to log in to.
        if base.disk.is_some() {
            let alive = async || Ok(self.state(&called).await?.is_some_and(|state| state != State::Stopped));
            machine::up(making, &base, || self.console_from(owner, &node.name, before), alive).await?;
        }
        Ok(way)
    }

    async fn asked(
        &self,
        owner: &Owner,
        making: &Making<'_>,
        base: &Base,
        disks: Vec<xml::DomainDisk>,
    ) -> Result<xml::Domain, ProviderError> {
        let node = making.node;
        let set = node.set;
        let mut labels = owner.labels(&node.name, &making.digest);
        for port in &node.ports {
            labels.insert(format!("{PORT}{}", port.network), format!("{} {}", port.address, port.mac_text()));
        }
        let mut arguments = Vec::new();
        if self.session {
            arguments = session::cards(owner, making, &mut labels)?;
        }
        let own = set.boot.kernel.clone().map(|kernel| (kernel, set.boot.initrd.clone()));
        let kernel = own.or_else(|| base.kernel.clone().filter(|_| !set.boot.efi));
        let kernel = kernel.map(|(kernel, initrd)| {
            let mut line = LINE.to_owned();
            if base.ours {
                line = format!("{line} {}", machine::words(making, base));
            }
            if let Some(more) = &set.boot.args {
                line = format!("{line} {more}");
            }
            (kernel, initrd, line)
        });
        if kernel.is_none() && base.ours {
            return Err(ProviderError::Refused {
                what: format!("make node `{}`", node.name),
                why: "its image has no kernel, and a system of a recipe has no boot loader".to_owned(),
            });
        }
        let from = set.boot.from.iter().map(|from| if from == "network" { "network" } else { "hd" });
        let boot: Vec<&'static str> = from.collect();
        let cards = node.ports.iter().filter_map(|port| {
            let network = making.networks.get(&port.network)?;
            let card = match network.strip_prefix(BRIDGE) {
                Some(bridge) => xml::Card::Bridge(bridge.to_owned()),
                None => xml::Card::Network(network.clone()),
            };
            let mtu = making.about.get(&port.network).and_then(|network| machine::mtu(network));
            Some((card, port.clone(), mtu))
        });
        Ok(xml::Domain {
            name: called(owner, &node.name),
            uuid: xml::uuid(owner, "node", &node.name),
            labels,
            accelerator: self.accelerator().await?,
            cpus: set.cpus.max(1),
            memory: set.memory.unwrap_or(units::Size::mib(1024)),
            kernel,
            efi: set.boot.efi,
            boot: if boot.is_empty() { vec!["hd"] } else { boot },
            disks,
            cards: if self.session { Vec::new() } else { cards.collect() },
            arguments,
            console: self.console_of(owner, &node.name),
        })
    }

    /// The fixed addresses of a node, in those of its networks where libvirt gives addresses out.
    async fn leases(&self, making: &Making<'_>) -> Result<(), ProviderError> {
        let node = making.node;
        for port in node.ports.iter().filter(|_| !self.session) {
            let about = making.about.get(&port.network);
            let Some(called) = making.networks.get(&port.network).filter(|name| !name.starts_with(BRIDGE)) else {
                continue;
            };
            if about.is_none_or(|network| !network.dhcp || network.gateway.is_none()) {
                continue;
            }
            let what = format!("give node `{}` its address in `{}`", node.name, port.network);
            let xml = xml::lease(&node.name, port)?;
            self.ask(&what, "network-host", json!({"name": called, "xml": xml})).await?;
        }
        Ok(())
    }

    /// Removes a node with its disks and its console.
    pub(super) async fn removed(&self, object: &Object) -> Result<(), ProviderError> {
        self.control(object, "remove", "domain-remove", json!({})).await?;
        let (owner, name) = Self::named(object);
        self.no_disks(&owner, &name).await
    }
}
