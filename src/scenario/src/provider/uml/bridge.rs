//! Networks of kernels that are programs: bridges of this machine, and taps that kernels hold.
//!
//! A bridge's labels are its alternative name, which no other device can have. Rules that let packets through carry a
//! comment with the bridge's name.

use std::collections::BTreeMap;
use std::path::Path;

use super::Uml;
use crate::network::{Network, Reach};
use crate::provider::libvirt::{ip, xml};
use crate::provider::machine::{mtu, program, run};
use crate::provider::{DIGEST, Object, ObjectKind, Owner, ProviderError};

/// Begins a bridge's alternative name.
const PREFIX: &str = "rplay.";

/// The alternative name of a bridge: `rplay.USER.SCENARIO.NAME.DIGEST`, where names have no dots.
fn alternative(owner: &Owner, name: &str, digest: &str) -> String {
    format!("{PREFIX}{}.{}.{name}.{digest}", owner.user, owner.scenario)
}

/// The bridge of a network.
fn bridge_of(owner: &Owner, network: &Network) -> String {
    let made_up = || format!("ru-{}", &xml::uuid(owner, "bridge", &network.name).simple().to_string()[..10]);
    network.bridge.clone().unwrap_or_else(made_up)
}

/// The tap of a node in a network.
pub(super) fn tap_of(owner: &Owner, node: &str, network: &str) -> String {
    let name = format!("{node} {network}");
    format!("rt-{}", &xml::uuid(owner, "tap", &name).simple().to_string()[..10])
}

fn is_there(device: &str) -> bool {
    Path::new("/sys/class/net").join(device).exists()
}

/// The bridges among what `ip -o link` prints that have one of our names: the bridge, and what follows the prefix.
fn ours(links: &str) -> Vec<(String, String)> {
    let bridge = |line: &str| {
        let device = line.split(": ").nth(1)?.split('@').next()?.to_owned();
        let mut words = line.split_whitespace().skip_while(|word| *word != "altname");
        words.next()?;
        Some((device, words.next()?.trim_end_matches('\\').strip_prefix(PREFIX)?.to_owned()))
    };
    links.lines().filter_map(bridge).collect()
}

impl Uml {
    /// The bridges of an owner.
    pub(super) async fn bridges(&self, owner: &Owner) -> Result<Vec<Object>, ProviderError> {
        let what = "list bridges";
        let ip = program("ip", "iproute2", "provider `uml`")?;
        let links =
            run(&ip, &["-o".as_ref(), "link".as_ref(), "show".as_ref(), "type".as_ref(), "bridge".as_ref()], what)
                .await?;
        let prefix = format!("{}.{}.", owner.user, owner.scenario);
        let object = |(id, labels): (String, String)| {
            let (name, digest) = labels.strip_prefix(&prefix)?.split_once('.')?;
            let labels = owner.labels(name, digest);
            Some(Object { kind: ObjectKind::Network, id, labels, state: None, addresses: BTreeMap::new() })
        };
        Ok(ours(&String::from_utf8_lossy(&links)).into_iter().filter_map(object).collect())
    }

    /// A bridge with this machine's address, which lets its packets through.
    pub(super) async fn bridged(&self, owner: &Owner, network: &Network) -> Result<String, ProviderError> {
        let what = format!("make network `{}`", network.name);
        if network.vlan.is_some() {
            let why = "VLANs are there for networks of libvirt: one node of that provider makes it so".to_owned();
            return Err(ProviderError::Refused { what, why });
        }
        let bridge = bridge_of(owner, network);
        let digest = network.digest();
        let found = self.bridges(owner).await?.into_iter().find(|object| object.id == bridge);
        if is_there(&bridge) {
            match found {
                None => return Err(super::foreign("network", &bridge)),
                Some(object) if object.labels.get(DIGEST) == Some(&digest) => {}
                Some(object) => self.unbridged(&object).await?,
            }
        }
        if !is_there(&bridge) {
            ip(&["link", "add", &bridge, "type", "bridge", "stp_state", "0", "forward_delay", "0"], &what).await?;
            // Its labels at once: what a kill leaves is found by them.
            let labels = alternative(owner, &network.name, &digest);
            ip(&["link", "property", "add", "dev", &bridge, "altname", &labels], &what).await?;
        }
        if let Some(gateway) = network.gateway {
            let address = format!("{gateway}/{}", network.cidr.prefix_len());
            ip(&["address", "replace", &address, "dev", &bridge], &what).await?;
        }
        if let Some(mtu) = mtu(network) {
            ip(&["link", "set", &bridge, "mtu", &mtu.to_string()], &what).await?;
        }
        ip(&["link", "set", &bridge, "up"], &what).await?;
        for (table, rule) in rules(network, &bridge) {
            if !self.rule("-C", table, &rule, &what).await? {
                self.rule("-I", table, &rule, &what).await?;
            }
        }
        if network.reach != Reach::Isolated {
            let forward = Path::new("/proc/sys/net/ipv4/ip_forward");
            if fs_err::read_to_string(forward)?.trim() == "0" {
                fs_err::write(forward, "1")?;
            }
        }
        Ok(bridge)
    }

    /// Removes a bridge with its rules.
    pub(super) async fn unbridged(&self, object: &Object) -> Result<(), ProviderError> {
        let what = format!("remove `{}`", object.id);
        let marked = format!("--comment {}{}", MARK, object.id);
        for table in ["filter", "nat"] {
            let iptables = program("iptables", "iptables", "provider `uml`")?;
            let listed = run(&iptables, &["-w".as_ref(), "-t".as_ref(), table.as_ref(), "-S".as_ref()], &what).await?;
            let listed = String::from_utf8_lossy(&listed).into_owned();
            for line in listed
                .lines()
                .filter(|line| line.replace('"', "").split(" -j ").next().is_some_and(|rule| rule.ends_with(&marked)))
            {
                let rule = line.replace('"', "").trim_start_matches("-A ").to_owned();
                self.rule("-D", table, &rule, &what).await?;
            }
        }
        if is_there(&object.id) {
            ip(&["link", "del", &object.id], &what).await?;
        }
        Ok(())
    }

    /// Adds, removes or looks for a rule; whether it worked.
    async fn rule(&self, verb: &str, table: &str, rule: &str, what: &str) -> Result<bool, ProviderError> {
        let iptables = program("iptables", "iptables", "provider `uml`")?;
        let output = tokio::process::Command::new(iptables)
            .args(["-w", "-t", table, verb])
            .args(rule.split(' '))
            .kill_on_drop(true)
            .output()
            .await?;
        if !output.status.success() && verb == "-I" {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(ProviderError::Refused { what: what.to_owned(), why });
        }
        Ok(output.status.success())
    }

    /// A tap in a bridge, for a kernel to hold.
    pub(super) async fn tap(
        &self,
        tap: &str,
        bridge: &str,
        network: &Network,
        what: &str,
    ) -> Result<(), ProviderError> {
        if !is_there(tap) {
            ip(&["tuntap", "add", "dev", tap, "mode", "tap"], what).await?;
        }
        if let Some(mtu) = mtu(network) {
            ip(&["link", "set", tap, "mtu", &mtu.to_string()], what).await?;
        }
        ip(&["link", "set", tap, "master", bridge, "up"], what).await
    }

    /// Removes a tap.
    pub(super) async fn untapped(&self, tap: &str, what: &str) -> Result<(), ProviderError> {
        if is_there(tap) {
            ip(&["link", "del", tap], what).await?;
        }
        Ok(())
    }
}

/// Begins the comment of a bridge's rules.
const MARK: &str = "rplay-uml-";

/// What lets a network's packets through, also where others drop what they do not know: in the order of insertion, so
/// the last comes first.
fn rules(network: &Network, bridge: &str) -> Vec<(&'static str, String)> {
    let mark = format!("-m comment --comment {MARK}{bridge}");
    let cidr = network.cidr;
    let mut rules = vec![("filter", format!("FORWARD -i {bridge} -o {bridge} {mark} -j ACCEPT"))];
    match network.reach {
        Reach::Isolated => {}
        Reach::Nat => {
            rules.push(("filter", format!("FORWARD -i {bridge} ! -o {bridge} {mark} -j ACCEPT")));
            rules.push((
                "filter",
                format!("FORWARD -o {bridge} -m conntrack --ctstate RELATED,ESTABLISHED {mark} -j ACCEPT"),
            ));
            rules.push(("nat", format!("POSTROUTING -s {cidr} ! -o {bridge} {mark} -j MASQUERADE")));
        }
        Reach::Routed => {
            rules.push(("filter", format!("FORWARD -i {bridge} {mark} -j ACCEPT")));
            rules.push(("filter", format!("FORWARD -o {bridge} {mark} -j ACCEPT")));
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bridges_are_known_by_their_second_name() {
        let links = "5: docker0: <UP> mtu 1400 qdisc noqueue \\    link/ether 02:42:4e:bf:58:f5 brd ff:ff:ff:ff:ff:ff
9: ru-0123456789: <UP> mtu 1400 state UP \\    link/ether 52:54:00:40:60:8f brd ff:ff:ff:ff:ff:ff\\    altname rplay.root.lab.inner.abc
10: other: <UP> mtu 1400 \\    link/ether 52:54:00:40:60:8f\\    altname enp1s0";
        assert_eq!(ours(links), [("ru-0123456789".to_owned(), "root.lab.inner.abc".to_owned())]);
    }

    #[test]
    fn names_fit_the_kernel() {
        let owner = Owner { scenario: "lab".to_owned(), user: "root".to_owned() };
        assert_eq!(tap_of(&owner, "one", "inner").len(), 13);
        assert_ne!(tap_of(&owner, "one", "inner"), tap_of(&owner, "one", "outer"));
        assert!(alternative(&owner, &"n".repeat(48), "0123456789abcdef").len() < 128);
    }
}
