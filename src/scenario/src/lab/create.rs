//! Networks, images and nodes are made. What is there and as asked for is left alone, so a second run, or one after a kill,
//! only does what is missing.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt as _;

use super::{Ending, Estimate, Free, Lab, LabError, Told, one_of};
use crate::handoff::Spelling;
use crate::image::Origin;
use crate::network::Network;
use crate::node::Provider as Kind;
use crate::provider::{DIGEST, Making, Object, ObjectKind, Provider, ProviderError, State, digest};
use crate::topology::Node;

/// What a creation did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Created {
    /// Networks and nodes that are new, were made anew, or were started.
    pub changed: usize,
    /// Networks and nodes that were as asked for.
    pub same: usize,
}

/// What is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// Networks and their links.
    Networks,
    /// Networks and images.
    Images,
    /// Everything.
    All,
}

impl<'a> Lab<'a> {
    /// Makes what is missing.
    pub fn create(&self, parts: Parts) -> Result<Created, LabError> {
        let _lock = self.locked()?;
        self.create_locked(parts)
    }

    /// As [`Self::create`], when the lock is held.
    pub(super) fn create_locked(&self, parts: Parts) -> Result<Created, LabError> {
        for provider in self.providers.values() {
            self.wait(async { Ok(provider.preflight().await?) })?;
        }
        let mut before = self.objects()?;
        let nodes = self.nodes(&before)?;
        self.faults_possible(&nodes)?;
        let absent = nodes.iter().filter(|node| Self::object(&before, &node.name).is_none());
        Estimate::of(absent, &self.past()).fits(Free::now(self.folder.path())?, self.scenario.budget)?;
        self.note_lab()?;
        let key = self.folder.public_key(&self.scenario.name)?;
        self.clear(&mut before, &nodes)?;
        let mut created = Created::default();
        let mut count = |ending: Ending| match ending {
            Ending::Changed => created.changed += 1,
            _ => created.same += 1,
        };
        let networks = self.networks(&nodes, &before, &mut count)?;
        self.link(&networks, &mut count)?;
        if parts == Parts::Networks {
            return Ok(created);
        }
        let images = self.images(&nodes)?;
        if parts == Parts::Images {
            return Ok(created);
        }
        let limit = self.scenario.budget.parallel.unwrap_or(16).max(1);
        let ended: Vec<Result<Ending, LabError>> = self.wait(async {
            let making = nodes
                .iter()
                .filter(|node| node.set.provider != Kind::Existing)
                .map(|node| self.one(node, &before, &networks, &images, &key));
            Ok(futures_util::stream::iter(making).buffered(limit).collect().await)
        })?;
        let mut errors = Vec::new();
        let made = nodes.iter().filter(|node| node.set.provider != Kind::Existing);
        let mut changed = Vec::new();
        for (ended, node) in ended.into_iter().zip(made) {
            match ended {
                Ok(ending) => {
                    if ending == Ending::Changed {
                        changed.push(node.name.clone());
                    }
                    count(ending);
                }
                Err(error) => errors.push(error),
            }
        }
        one_of(errors)?;
        let objects = self.objects()?;
        let reached = self.reached(&nodes, &objects)?;
        self.handoff(&reached, Spelling::New)?;
        self.bmc(&nodes)?;
        self.up(&reached, &changed)?;
        Ok(created)
    }

    /// Removes what a killed build left; tells of nodes that nobody asks for.
    fn clear(&self, before: &mut Vec<(Object, Arc<dyn Provider>)>, nodes: &[Node<'_>]) -> Result<(), LabError> {
        let mut kept = Vec::new();
        for (object, provider) in before.drain(..) {
            let name = object.name().unwrap_or_default().to_owned();
            if object.kind == ObjectKind::Node && name.starts_with("rplay-build-") {
                self.must(async { Ok(provider.remove(&object).await?) })?;
                continue;
            }
            if object.kind == ObjectKind::Node && !nodes.iter().any(|node| node.name == name) {
                self.note(format!("node `{name}` is there and is not asked for; `destroy` removes it with the others"));
            }
            kept.push((object, provider));
        }
        *before = kept;
        Ok(())
    }

    /// Networks, on every engine that has nodes in them: by provider, engine and name.
    fn networks(
        &self,
        nodes: &[Node<'_>],
        before: &[(Object, Arc<dyn Provider>)],
        count: &mut dyn FnMut(Ending),
    ) -> Result<Made, LabError> {
        let mut made = Made::new();
        // Docker makes the networks that nodes of several providers are in: its containers can be in no others.
        let mut nodes: Vec<&Node<'_>> = nodes.iter().filter(|node| node.set.provider != Kind::Existing).collect();
        nodes.sort_by_key(|node| node.set.provider.rank());
        for node in nodes {
            let provider = self.provider(node)?;
            for port in &node.ports {
                let Some(network) = self.scenario.networks.get(&port.network) else { continue };
                // A VLAN's carrier first, which may have no nodes itself.
                let carrier = network.vlan.as_ref().and_then(|(_, parent)| self.scenario.networks.get(&parent.text));
                for network in carrier.into_iter().chain([network]) {
                    self.one_network(node, network, &provider, before, &mut made, count)?;
                }
            }
        }
        Ok(made)
    }

    /// A network of a node: made by the first provider that has nodes in it, joined by others.
    fn one_network(
        &self,
        node: &Node<'_>,
        network: &Network,
        provider: &Arc<dyn Provider>,
        before: &[(Object, Arc<dyn Provider>)],
        made: &mut Made,
        count: &mut dyn FnMut(Ending),
    ) -> Result<(), LabError> {
        let key = (node.set.provider, node.set.engine.clone(), network.name.clone());
        if made.contains_key(&key) {
            return Ok(());
        }
        let other = made.iter().find(|((kind, _, name), _)| *kind != node.set.provider && *name == network.name);
        if let Some(((kind, engine, _), id)) = other {
            let maker = self.providers.get(&(*kind, engine.clone())).cloned();
            let joined = self.wait(async {
                let Some(maker) = maker else { return Ok(String::new()) };
                Ok(provider.join(network, &maker.bridge(id).await?).await?)
            })?;
            made.insert(key, joined);
            return Ok(());
        }
        let digest = network.digest();
        let same = before.iter().any(|(object, _)| {
            object.kind == ObjectKind::Network
                && object.name() == Some(&network.name)
                && object.labels.get(DIGEST) == Some(&digest)
        });
        let mut id = String::new();
        let ending = self.step("network", &network.name, || {
            id = self.wait(async { Ok(provider.network(&self.owner, network).await?) })?;
            Ok::<_, LabError>(if same { Ending::Same } else { Ending::Changed })
        })?;
        count(ending);
        made.insert(key, id);
        Ok(())
    }

    /// Images that nodes begin as, and those they are patches of: by provider, engine and name.
    fn images(&self, nodes: &[Node<'_>]) -> Result<Made, LabError> {
        let mut made = Made::new();
        for node in nodes.iter().filter(|node| node.set.provider != Kind::Existing) {
            let provider = self.provider(node)?;
            let mut chain = Vec::new();
            let mut next = node.set.image.as_ref().map(|image| image.text.as_str());
            while let Some(image) = next.and_then(|name| self.scenario.images.get(name)) {
                chain.push(image);
                next = if let Origin::Image(from) = &image.origin { Some(&from.text) } else { None };
            }
            let mut base: Option<String> = None;
            for image in chain.into_iter().rev() {
                let key = (node.set.provider, node.set.engine.clone(), image.name.clone());
                if let Some(id) = made.get(&key) {
                    base = Some(id.clone());
                    continue;
                }
                let mut id = String::new();
                self.step("image", &image.name, || {
                    id = self.wait(async { Ok(provider.image(&self.owner, image, base.as_deref()).await?) })?;
                    Ok::<_, LabError>(Ending::Done)
                })?;
                base = Some(id.clone());
                made.insert(key, id);
            }
        }
        Ok(made)
    }

    async fn one(
        &self,
        node: &Node<'a>,
        before: &[(Object, Arc<dyn Provider>)],
        networks: &Made,
        images: &Made,
        key: &str,
    ) -> Result<Ending, LabError> {
        let start = Instant::now();
        let at = |name: &str| (node.set.provider, node.set.engine.clone(), name.to_owned());
        let image = node.set.image.as_ref().and_then(|image| images.get(&at(&image.text))).cloned().unwrap_or_default();
        let networks: BTreeMap<String, String> = node
            .ports
            .iter()
            .filter_map(|port| Some((port.network.clone(), networks.get(&at(&port.network))?.clone())))
            .collect();
        let digest = self.asked(node, &image, key);
        let wanted = if node.set.start { State::Running } else { State::Stopped };
        let same = Self::object(before, &node.name)
            .is_some_and(|(object, _)| object.labels.get(DIGEST) == Some(&digest) && object.state == Some(wanted));
        let about = node
            .ports
            .iter()
            .filter_map(|port| Some((port.network.clone(), self.scenario.networks.get(&port.network)?)));
        let making = Making {
            node,
            image,
            networks,
            about: about.collect(),
            key: key.to_owned(),
            folder: self.folder.path().to_owned(),
            digest,
        };
        if !same {
            self.tell(&Told::Begun("node", node.name.clone()));
        }
        let made = match self.provider(node) {
            Ok(provider) => self.made(&provider, &making, same).await,
            Err(error) => Err(error),
        };
        if made.is_ok() && !same {
            self.took("node", &node.set.name, start.elapsed());
        }
        let (ending, note) = match &made {
            Ok(_) if same => (Ending::Same, None),
            Ok(_) => (Ending::Changed, node.ports.first().map(|port| port.address.to_string())),
            Err(error) => (Ending::Failed, Some(error.to_string())),
        };
        self.tell(&Told::Ended { what: "node", name: node.name.clone(), ending, note, took: start.elapsed() });
        made.map(|_| ending)
    }

    /// Makes a node. One that does not come up is removed and made once more.
    async fn made(
        &self,
        provider: &Arc<dyn Provider>,
        making: &Making<'_>,
        same: bool,
    ) -> Result<crate::handoff::Way, LabError> {
        let name = &making.node.name;
        let first = match provider.node(&self.owner, making).await {
            Ok(way) => return Ok(way),
            // What cannot be is not tried again.
            Err(error @ (ProviderError::Missing { .. } | ProviderError::Io(_))) => return Err(error.into()),
            Err(error) if same => return Err(error.into()),
            Err(error) => error,
        };
        let objects = provider.objects(&self.owner).await?;
        let half = objects.iter().find(|object| object.kind == ObjectKind::Node && object.name() == Some(name));
        // Nothing was made: what was asked for was refused.
        let Some(half) = half else { return Err(first.into()) };
        self.note(format!("node `{name}` is removed and made once more: {first}"));
        provider.remove(half).await?;
        provider.node(&self.owner, making).await.map_err(|error| {
            let hint = format!(
                "it was tried twice and stays for a look: `rplay scenario console {name}` prints what it wrote; `create` goes \
                 on from here, and `destroy --hosts {name}` removes it alone"
            );
            LabError::said(rplay_diag::Diagnose::diagnostic(&error).hint(hint))
        })
    }

    /// A digest of all that a node is made of. What only the inventory says is no part of it.
    fn asked(&self, node: &Node<'_>, image: &str, key: &str) -> String {
        let set = node.set;
        let mut parts = vec![
            node.name.clone(),
            set.provider.name().to_owned(),
            image.to_owned(),
            format!("{} {:?} {:?} {:?}", set.cpus, set.memory, set.disk, set.disks),
            format!("{:?} {:?} {}", set.container, set.boot, set.bmc),
            // The key is put in when a node is made.
            format!("{:?} {}", set.user, if set.over_ssh() { key } else { "" }),
        ];
        for port in &node.ports {
            parts.push(format!("{port:?}"));
            parts.extend(self.scenario.networks.get(&port.network).map(crate::network::Network::digest));
        }
        digest(&parts)
    }
}

/// What providers call things: by provider, engine and name.
pub(super) type Made = HashMap<(Kind, Option<String>, String), String>;
