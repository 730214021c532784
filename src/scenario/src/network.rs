//! Networks, and links between those that are sites.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use rplay_diag::Span;

use crate::read::{Fields, Spot};

/// How far a network reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Outwards, behind this machine's address.
    Nat,
    /// Only its nodes.
    Isolated,
    /// Other networks of this machine.
    Routed,
}

/// A network of nodes.
#[derive(Clone, Debug)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// Where it was written.
    pub span: Span,
    /// How far it reaches.
    pub reach: Reach,
    /// Its addresses.
    pub cidr: IpNet,
    /// The machine's own address in it.
    pub gateway: Option<IpAddr>,
    /// Nodes get their fixed addresses by DHCP.
    pub dhcp: bool,
    /// DNS domain.
    pub domain: Option<String>,
    /// Largest packet, in bytes.
    pub mtu: Option<u32>,
    /// The tag on the parent network, and its name.
    pub vlan: Option<(u16, Spot)>,
    /// Name of the bridge, when the file gives one.
    pub bridge: Option<String>,
}

impl Network {
    /// A digest of what is asked for: another one means that the network must be made anew.
    pub fn digest(&self) -> String {
        let vlan = self.vlan.as_ref().map(|(tag, parent)| format!("{tag} {}", parent.text));
        let words = format!(
            "{:?} {} {:?} {} {:?} {:?} {vlan:?} {:?}",
            self.reach, self.cidr, self.gateway, self.dhcp, self.domain, self.mtu, self.bridge
        );
        crate::provider::digest(&[words])
    }

    pub(crate) fn read(name: &Spot, fields: Fields<'_>) -> Option<Self> {
        let reach = match fields.text("kind").as_deref() {
            Some("isolated") => Reach::Isolated,
            Some("routed") => Reach::Routed,
            _ => Reach::Nat,
        };
        let cidr = fields.cidr("cidr")?.trunc();
        let first = (reach != Reach::Isolated).then(|| cidr.hosts().next()).flatten();
        Some(Self {
            name: name.text.clone(),
            span: name.span,
            reach,
            cidr,
            gateway: fields.address("gateway").or(first),
            dhcp: fields.flag("dhcp").unwrap_or(true),
            domain: fields.text("domain"),
            mtu: fields.int("mtu"),
            vlan: fields.int("vlan").zip(fields.spot("parent")),
            bridge: fields.text("bridge"),
        })
    }
}

/// What makes a link slow and lossy.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Impairment {
    /// Added to each packet.
    pub latency: Option<Duration>,
    /// How much that varies.
    pub jitter: Option<Duration>,
    /// Share of packets that are lost, in percent.
    pub loss: Option<f64>,
    /// Bits a second, at most.
    pub rate: Option<u64>,
}

impl Impairment {
    pub(crate) fn read(fields: Fields<'_>) -> Self {
        Self {
            latency: fields.time("latency"),
            jitter: fields.time("jitter"),
            loss: fields.percent("loss"),
            rate: fields.rate("rate"),
        }
    }

    /// The queue of a link: `netem`, or `tbf` where only the rate is less, which every kernel has.
    pub fn queue(&self) -> Vec<String> {
        match self.rate {
            Some(rate) if (Self { rate: None, ..*self }) == Self::default() => {
                // A tenth of a second's packets at once, and at least some.
                let burst = (rate / 80).max(16_000);
                ["tbf", "rate", &format!("{rate}bit"), "burst", &format!("{burst}b"), "latency", "400ms"]
                    .map(str::to_owned)
                    .to_vec()
            }
            _ => [vec!["netem".to_owned()], self.netem()].concat(),
        }
    }

    /// The arguments of `tc qdisc ... netem`.
    pub fn netem(&self) -> Vec<String> {
        let micros = |time: Duration| format!("{}us", time.as_micros());
        let mut words = Vec::new();
        if self.latency.is_some() || self.jitter.is_some() {
            words.extend(["delay".to_owned(), micros(self.latency.unwrap_or_default())]);
            words.extend(self.jitter.map(micros));
        }
        if let Some(loss) = self.loss {
            words.extend(["loss".to_owned(), format!("{loss}%")]);
        }
        if let Some(rate) = self.rate {
            words.extend(["rate".to_owned(), format!("{rate}bit")]);
        }
        words
    }
}

/// A link between two networks.
#[derive(Clone, Debug)]
pub struct Link {
    /// The networks.
    pub between: [Spot; 2],
    /// What makes it slow and lossy.
    pub impairment: Impairment,
}
