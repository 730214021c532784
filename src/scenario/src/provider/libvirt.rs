//! Virtual machines of libvirt.
//!
//! libvirt is asked through a program of its own (`client.rs`), so that rplay needs no library that most runs have no
//! use for. Domains carry the labels of their owner as metadata. Networks and pools cannot (before libvirt 9.7): an
//! owner's are known by their UUID, which is made of owner, scenario and name; a network's digest is a TXT record of
//! its DNS.
//!
//! Disks are volumes of a pool of the scenario, over images in a pool of the user, so that whoever may ask libvirt
//! needs no right to its folders. Start reading at `domain.rs` for nodes, `store.rs` for disks, `xml.rs` for what
//! libvirt is told.

mod client;
mod domain;
pub mod kvm;
mod link;
pub mod seed;
mod session;
mod store;
pub mod xml;

pub(super) use self::link::{ip, traffic};

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use self::client::{Client, Refusal};
use self::kvm::Accelerator;
use super::machine::disk::{self, Kind};
use super::machine::program;
use super::{BRIDGE, Making, Object, ObjectKind, Owner, Provider, ProviderError, State};
use crate::handoff::Way;
use crate::image::Image;
use crate::network::{Impairment, Network};

/// Where libvirt is asked by default.
const SYSTEM: &str = "qemu:///system";
/// Where it is asked without any right.
const SESSION: &str = "qemu:///session";
/// How long a guest that counts to a few millions may take before hardware virtualisation counts as not working.
const PROBE: Duration = Duration::from_secs(3);

/// A libvirt daemon of this machine.
#[derive(Debug)]
pub struct Libvirt {
    client: Client,
    uri: String,
    /// The user's own daemon, which may make no bridges.
    session: bool,
    accelerator: OnceCell<Accelerator>,
    /// One pool at a time is made: nodes are made side by side.
    pools: tokio::sync::Mutex<()>,
}

impl Libvirt {
    /// Connects to `engine`, a connection's URI, or to that of the system.
    pub async fn connect(engine: Option<&str>) -> Result<Self, ProviderError> {
        let uri = engine.unwrap_or(SYSTEM);
        let session = uri == SESSION;
        if uri != SYSTEM && !session {
            return Err(ProviderError::Missing {
                what: format!("nodes of provider `libvirt` cannot be made at {uri}"),
                fix: format!("`engine` can be {SYSTEM}, the default, or {SESSION}"),
            });
        }
        if session && nix::unistd::geteuid().is_root() {
            return Err(ProviderError::Missing {
                what: format!("{SESSION} is for users: root's is the system's"),
                fix: format!("leave `engine` out for {SYSTEM}, or run rplay as another user"),
            });
        }
        // Images are made with it, and libvirt makes disks with it.
        program("qemu-img", "qemu-utils", "provider `libvirt`")?;
        program("qemu-system-x86_64", "qemu-system-x86", "provider `libvirt`")?;
        if !session {
            program("dnsmasq", "dnsmasq-base", "provider `libvirt`")?;
        }
        let client = Client::connect(uri).await?;
        Ok(Self {
            client,
            uri: uri.to_owned(),
            session,
            accelerator: OnceCell::new(),
            pools: tokio::sync::Mutex::default(),
        })
    }

    async fn ask(&self, what: &str, call: &str, with: Value) -> Result<Value, ProviderError> {
        self.client.ask(call, with).await.map_err(|refusal: Refusal| refusal.of(what))
    }

    /// What a guest's processor is here: found out once after each start of this machine.
    async fn accelerator(&self) -> Result<Accelerator, ProviderError> {
        let found = self.accelerator.get_or_try_init(async || {
            let boot = fs_err::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned();
            let file = crate::folder::cache().join("accelerator");
            let known = fs_err::read_to_string(&file).unwrap_or_default();
            for accelerator in [Accelerator::Kvm, Accelerator::Tcg] {
                if known == format!("{boot} {}", accelerator.domain_type()) {
                    return Ok(accelerator);
                }
            }
            let qemu = program("qemu-system-x86_64", "qemu-system-x86", "provider `libvirt`")?;
            // A daemon of the system gives its machines to a user of their own.
            let root = nix::unistd::geteuid().is_root();
            let known = |name: &&str| nix::unistd::User::from_name(name).ok().flatten().is_some();
            let user = ["libvirt-qemu", "qemu"].into_iter().find(known).filter(|_| root && !self.session);
            let probed = tokio::task::spawn_blocking(move || kvm::probe(&qemu, user, PROBE)).await;
            let probed = probed.map_err(|error| std::io::Error::other(error.to_string()))??;
            fs_err::create_dir_all(crate::folder::cache())?;
            let new = file.with_extension(format!("new.{}", std::process::id()));
            fs_err::write(&new, format!("{boot} {}", probed.domain_type()))?;
            fs_err::rename(&new, &file)?;
            Ok::<_, ProviderError>(probed)
        });
        found.await.copied()
    }

    /// The networks of an owner, as libvirt has them.
    async fn networks(&self, owner: &Owner) -> Result<Vec<Object>, ProviderError> {
        let listed = self.ask("list networks", "networks", json!({})).await?;
        let prefix = format!("rplay-{}-", owner.scenario);
        let mut found = Vec::new();
        for network in listed.as_array().into_iter().flatten() {
            let id = text(&network["name"]);
            let Some(name) = id.strip_prefix(&prefix) else { continue };
            if network["uuid"] == xml::uuid(owner, "network", name).to_string() {
                let digest = xml::digest_of(network["xml"].as_str().unwrap_or_default()).unwrap_or_default();
                // One that does not run is not as asked for.
                let digest = if network["active"] == true { digest } else { String::new() };
                let labels = owner.labels(name, &digest);
                found.push(Object { kind: ObjectKind::Network, id, labels, state: None, addresses: BTreeMap::new() });
            }
        }
        Ok(found)
    }
}

/// What libvirt calls an object of a scenario.
fn called(owner: &Owner, name: &str) -> String {
    format!("rplay-{}-{name}", owner.scenario)
}

/// The bridge of a network: its name is no longer than the kernel's 15 characters.
fn bridge_of(owner: &Owner, network: &Network) -> String {
    let made_up = || format!("rp-{}", &xml::uuid(owner, "network", &network.name).simple().to_string()[..10]);
    network.bridge.clone().unwrap_or_else(made_up)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn foreign(kind: &str, called: &str) -> ProviderError {
    ProviderError::Refused {
        what: format!("make {kind} `{called}`"),
        why: "there is one of that name that this scenario did not make; remove or rename it".to_owned(),
    }
}

#[async_trait]
impl Provider for Libvirt {
    fn name(&self) -> &'static str {
        "libvirt"
    }

    async fn preflight(&self) -> Result<(), ProviderError> {
        self.ask(&format!("ask libvirt at {}", self.uri), "version", json!({})).await.map(|_| ())
    }

    async fn objects(&self, owner: &Owner) -> Result<Vec<Object>, ProviderError> {
        let mut objects = self.domains(owner).await?;
        let networks = if self.session { session::networks(owner, &objects) } else { self.networks(owner).await? };
        objects.extend(networks);
        objects.extend(self.pools(owner).await?);
        objects.retain(|object| owner.owns(&object.labels));
        Ok(objects)
    }

    async fn image(&self, owner: &Owner, image: &Image, base: Option<&str>) -> Result<String, ProviderError> {
        let mut made = disk::base(image, base, Kind::Machine).await?;
        self.shared(owner, &mut made).await?;
        made.text()
    }

    async fn network(&self, owner: &Owner, network: &Network) -> Result<String, ProviderError> {
        if self.session {
            return session::network(network);
        }
        let called = called(owner, &network.name);
        let what = format!("make network `{}`", network.name);
        let digest = network.digest();
        let uuid = xml::uuid(owner, "network", &network.name).to_string();
        let listed = self.ask(&what, "networks", json!({})).await?;
        let found = listed.as_array().into_iter().flatten().find(|found| found["name"] == called.as_str());
        if let Some(found) = found {
            if found["uuid"] != uuid.as_str() {
                return Err(foreign("network", &called));
            }
            let same = xml::digest_of(found["xml"].as_str().unwrap_or_default()).as_ref() == Some(&digest);
            if same && found["active"] == true {
                self.vlan(owner, network).await?;
                return Ok(called);
            }
            // Nodes of it are made anew: their digests hold the network's.
            self.ask(&what, "network-remove", json!({"name": called})).await?;
        }
        let bridge = bridge_of(owner, network);
        let mut asked = network.clone();
        asked.mtu = super::machine::mtu(network);
        let xml = xml::network(owner, &asked, &called, &bridge, &digest, &[])?;
        self.ask(&what, "network-make", json!({"xml": xml})).await?;
        self.vlan(owner, network).await?;
        Ok(called)
    }

    async fn bridge(&self, network: &str) -> Result<String, ProviderError> {
        let what = format!("look for the bridge of `{network}`");
        let listed = self.ask(&what, "networks", json!({})).await?;
        let found = listed.as_array().into_iter().flatten().find(|found| found["name"] == network);
        let bridge = found.and_then(|found| xml::bridge_of(found["xml"].as_str().unwrap_or_default()));
        bridge.ok_or_else(|| ProviderError::Refused { what, why: "it has none".to_owned() })
    }

    async fn join(&self, network: &Network, bridge: &str) -> Result<String, ProviderError> {
        if self.session {
            let what = format!("attach machines to network `{}`", network.name);
            let why = "machines in a session can be on no bridge".to_owned();
            return Err(ProviderError::Refused { what, why });
        }
        Ok(format!("{BRIDGE}{bridge}"))
    }

    async fn node(&self, owner: &Owner, making: &Making<'_>) -> Result<Way, ProviderError> {
        self.make(owner, making).await
    }

    async fn start(&self, object: &Object) -> Result<(), ProviderError> {
        self.control(object, "start", "domain-start", json!({})).await
    }

    async fn stop(&self, object: &Object, hard: bool) -> Result<(), ProviderError> {
        self.control(object, "stop", "domain-stop", json!({"hard": hard})).await?;
        if !hard {
            self.ended(object).await?;
        }
        Ok(())
    }

    async fn reset(&self, object: &Object) -> Result<(), ProviderError> {
        self.control(object, "reset", "domain-reset", json!({})).await
    }

    async fn pause(&self, object: &Object, pause: bool) -> Result<(), ProviderError> {
        self.control(object, if pause { "pause" } else { "resume" }, "domain-pause", json!({"pause": pause})).await
    }

    async fn impair(&self, object: &Object, network: &str, how: Option<&Impairment>) -> Result<(), ProviderError> {
        self.netem(object, network, how).await
    }

    async fn cut(&self, object: &Object, network: &str, cut: bool) -> Result<(), ProviderError> {
        self.plug(object, network, !cut).await
    }

    async fn snapshot(&self, object: &Object, name: &str) -> Result<(), ProviderError> {
        self.control(object, "keep the disks of", "snapshot-make", json!({"snapshot": name})).await
    }

    async fn back(&self, object: &Object, name: &str) -> Result<(), ProviderError> {
        self.control(object, "put back the disks of", "snapshot-back", json!({"snapshot": name})).await
    }

    async fn console(&self, object: &Object) -> Result<Vec<u8>, ProviderError> {
        self.written(object).await
    }

    async fn remove(&self, object: &Object) -> Result<(), ProviderError> {
        let what = format!("remove `{}`", object.id);
        match object.kind {
            ObjectKind::Node => self.removed(object).await,
            ObjectKind::Network if self.session => Ok(()),
            ObjectKind::Network => {
                self.ask(&what, "network-remove", json!({"name": object.id})).await?;
                self.no_vlan(object).await
            }
            ObjectKind::Volume => self.ask(&what, "pool-remove", json!({"name": object.id})).await.map(|_| ()),
            ObjectKind::Image => Ok(()),
        }
    }
}

impl Libvirt {
    async fn control(&self, object: &Object, doing: &str, call: &str, with: Value) -> Result<(), ProviderError> {
        let mut with = with;
        with["name"] = object.id.as_str().into();
        self.ask(&format!("{doing} `{}`", object.id), call, with).await.map(|_| ())
    }

    /// Waits until a domain that was asked to end has ended.
    async fn ended(&self, object: &Object) -> Result<(), ProviderError> {
        const LONGEST: Duration = Duration::from_mins(2);
        let start = std::time::Instant::now();
        while start.elapsed() < LONGEST {
            if self.state(&object.id).await? == Some(State::Stopped) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Err(ProviderError::Deadline { what: format!("the end of `{}`", object.id), seconds: LONGEST.as_secs() })
    }
}
