//! A domain's links: cut, slowed down, and mended; and VLANs, which join one bridge to another.

use std::ffi::OsStr;

use serde_json::json;

use super::{Libvirt, bridge_of, called, xml};
use crate::network::{Impairment, Network};
use crate::provider::machine::{program, run};
use crate::provider::{Object, Owner, ProviderError};

impl Libvirt {
    /// The card of a running domain in a network, as libvirt has it.
    async fn card(&self, object: &Object, network: &str) -> Result<Option<String>, ProviderError> {
        let (_, mac) = object.addresses.get(network).ok_or_else(|| ProviderError::Refused {
            what: format!("change the link of `{}` to `{network}`", object.id),
            why: "it is not attached to that network".to_owned(),
        })?;
        if self.session {
            let why =
                "links of machines in a session are in their own processes; those of qemu:///system can be changed";
            let what = format!("change the link of `{}` to `{network}`", object.id);
            return Err(ProviderError::Refused { what, why: why.to_owned() });
        }
        let found = self.client.ask("domain-xml", json!({"name": object.id})).await;
        let found = found.map_err(|refusal| refusal.of(&format!("look at `{}`", object.id)))?;
        Ok(xml::card_of(found.as_str().unwrap_or_default(), *mac))
    }

    /// Plugs a domain's cable to a network in, or pulls it.
    pub(super) async fn plug(&self, object: &Object, network: &str, plug: bool) -> Result<(), ProviderError> {
        let Some(card) = self.card(object, network).await? else { return Ok(()) };
        let xml = xml::with_link(&card, plug);
        self.control(object, "change the link of", "domain-device", json!({"xml": xml})).await
    }

    /// Slows down what comes to a node over a link, or mends it: netem on the link's end on this machine.
    pub(super) async fn netem(
        &self,
        object: &Object,
        network: &str,
        how: Option<&Impairment>,
    ) -> Result<(), ProviderError> {
        let what = format!("change the link of `{}`", object.id);
        let card = self.card(object, network).await?;
        // One that does not run has no link; its start makes a new one.
        let Some(device) = card.as_deref().and_then(xml::device_of) else { return Ok(()) };
        traffic(&device, how, &what).await
    }

    /// Joins a VLAN's bridge to that of the network which carries it.
    pub(super) async fn vlan(&self, owner: &Owner, network: &Network) -> Result<(), ProviderError> {
        let Some((tag, parent)) = &network.vlan else { return Ok(()) };
        let what = format!("make VLAN {tag} of `{}`", parent.text);
        let (carrier, bridge) =
            (super::Provider::bridge(self, &called(owner, &parent.text)).await?, bridge_of(owner, network));
        let device = device_of(owner, &network.name);
        if std::path::Path::new("/sys/class/net").join(&device).exists() {
            return Ok(());
        }
        let tag = tag.to_string();
        ip(&["link", "add", "link", &carrier, "name", &device, "type", "vlan", "id", &tag], &what).await?;
        ip(&["link", "set", &device, "master", &bridge, "up"], &what).await
    }

    /// Removes what joined a VLAN's bridge to another.
    pub(super) async fn no_vlan(&self, object: &Object) -> Result<(), ProviderError> {
        let (owner, name) = Self::named(object);
        let device = device_of(&owner, &name);
        if !std::path::Path::new("/sys/class/net").join(&device).exists() {
            return Ok(());
        }
        ip(&["link", "del", &device], &format!("remove the VLAN of `{name}`")).await
    }
}

/// The end of a VLAN in its bridge.
fn device_of(owner: &Owner, network: &str) -> String {
    format!("rv-{}", &xml::uuid(owner, "vlan", network).simple().to_string()[..10])
}

/// Runs `ip` of this machine.
pub(in crate::provider) async fn ip(args: &[&str], what: &str) -> Result<(), ProviderError> {
    tool("ip", "iproute2", args, what).await
}

async fn tool(name: &str, package: &str, args: &[&str], what: &str) -> Result<(), ProviderError> {
    let program = program(name, package, what)?;
    let args: Vec<&OsStr> = args.iter().map(|arg| OsStr::new(*arg)).collect();
    let ended = run(&program, &args, what).await;
    match ended {
        Err(ProviderError::Refused { what, why }) if !nix::unistd::geteuid().is_root() => {
            Err(ProviderError::Refused { what, why: format!("{why} (this needs root)") })
        }
        ended => ended.map(|_| ()),
    }
}

/// Slows down what goes out of a device of this machine, or no longer.
pub(in crate::provider) async fn traffic(
    device: &str,
    how: Option<&Impairment>,
    what: &str,
) -> Result<(), ProviderError> {
    if let Some(how) = how {
        let netem = how.netem();
        let mut args = vec!["qdisc", "replace", "dev", device, "root", "netem"];
        args.extend(netem.iter().map(String::as_str));
        return tool("tc", "iproute2", &args, what).await;
    }
    let program = program("tc", "iproute2", what)?;
    let shown = run(&program, &["qdisc".as_ref(), "show".as_ref(), "dev".as_ref(), device.as_ref()], what).await?;
    if !String::from_utf8_lossy(&shown).contains("netem") {
        return Ok(());
    }
    tool("tc", "iproute2", &["qdisc", "del", "dev", device, "root"], what).await
}
