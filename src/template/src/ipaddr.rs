//! Addresses and networks with the arithmetic and the queries of the `ipaddr` filter family.
//!
//! A [`Network`] is an address with a prefix length, as written: host bits are kept. Version 4 and 6 share one
//! representation (the address as a number), so every computation is written once.

mod hardware;
mod query;
mod special;
mod subnets;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use num_bigint::BigInt;

pub(crate) use hardware::{Hardware, hwaddr};
pub(crate) use query::{IpError, ipaddr};
pub(crate) use subnets::{
    cidr_merge, ip_math, ip_subnet, ip_wrap, network_in, next_usable, nth_host, reduce_on_network, slaac, spanning,
    usable_range,
};

/// An address with a prefix length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Network {
    /// 4 or 6.
    version: u8,
    /// The address as a number, host bits included.
    value: u128,
    prefix: u8,
}

impl Network {
    /// A network from its parts; none when they do not fit the version.
    pub(crate) fn new(version: u8, value: u128, prefix: u8) -> Option<Self> {
        let network = Self { version, value, prefix };
        (prefix <= network.width() && value <= network.max()).then_some(network)
    }

    /// `address`, `address/prefix`, `address/netmask` or `address/hostmask`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, mask) = match text.split_once('/') {
            Some((address, mask)) => (address, Some(mask)),
            None => (text, None),
        };
        let (version, value) = parse_address(address)?;
        let width = if version == 4 { 32 } else { 128 };
        let prefix = match mask {
            None => width,
            Some(mask) => {
                if let Ok(prefix) = mask.trim().parse::<u8>() {
                    prefix
                } else {
                    let (mask_version, mask) = parse_address(mask)?;
                    (mask_version == version).then(|| mask_prefix(mask, width)).flatten()?
                }
            }
        };
        Self::new(version, value, prefix)
    }

    /// A text that is an address without a prefix.
    pub(crate) fn lone(text: &str) -> Option<Self> {
        Self::parse(text).filter(|_| !text.contains('/'))
    }

    /// A single address.
    pub(crate) fn host(version: u8, value: u128) -> Option<Self> {
        Self::new(version, value, if version == 4 { 32 } else { 128 })
    }

    /// 4 or 6.
    pub(crate) fn version(self) -> u8 {
        self.version
    }

    /// The address as a number.
    pub(crate) fn value(self) -> u128 {
        self.value
    }

    /// The prefix length.
    pub(crate) fn prefix(self) -> u8 {
        self.prefix
    }

    /// 32 or 128.
    pub(crate) fn width(self) -> u8 {
        if self.version == 4 { 32 } else { 128 }
    }

    fn max(self) -> u128 {
        if self.version == 4 { u128::from(u32::MAX) } else { u128::MAX }
    }

    fn host_bits(self) -> u8 {
        self.width() - self.prefix
    }

    fn hostmask(self) -> u128 {
        match self.host_bits() {
            128 => u128::MAX,
            bits => (1 << bits) - 1,
        }
    }

    fn netmask(self) -> u128 {
        self.max() ^ self.hostmask()
    }

    /// The first address of the network.
    pub(crate) fn first(self) -> u128 {
        self.value & self.netmask()
    }

    /// The last address of the network.
    pub(crate) fn last(self) -> u128 {
        self.first() | self.hostmask()
    }

    /// How many addresses there are.
    pub(crate) fn size(self) -> BigInt {
        BigInt::from(self.hostmask()) + 1
    }

    /// Whether there is just one address.
    fn is_single(self) -> bool {
        self.host_bits() == 0
    }

    /// The broadcast address; networks of one or two addresses have none.
    fn broadcast(self) -> Option<u128> {
        (self.host_bits() > 1).then(|| self.last())
    }

    /// The same network without host bits.
    #[must_use]
    pub(crate) fn cidr(self) -> Self {
        Self { value: self.first(), ..self }
    }

    /// Whether an address or network lies inside.
    pub(crate) fn contains(self, other: Self) -> bool {
        self.version == other.version && self.first() <= other.first() && other.last() <= self.last()
    }

    /// An address of this version in its usual writing.
    pub(crate) fn write(self, value: u128) -> String {
        write_address(self.version, value)
    }

    /// The address without the prefix.
    pub(crate) fn address(self) -> String {
        self.write(self.value)
    }

    /// Address number `index`, negative ones counted from the end.
    fn nth(self, index: i128) -> Option<u128> {
        let offset = index.unsigned_abs();
        if index < 0 {
            (offset - 1 <= self.hostmask()).then(|| self.last() - (offset - 1))
        } else {
            (offset <= self.hostmask()).then(|| self.first() + offset)
        }
    }

    /// The usable addresses, first and last; none for a single address.
    fn usable(self) -> Option<(u128, u128)> {
        match self.host_bits() {
            0 => None,
            1 => Some((self.first(), self.last())),
            _ => Some((self.first() + 1, self.last() - 1)),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address(), self.prefix)
    }
}

/// An address in strict notation: four decimal parts, or version 6.
fn parse_address(text: &str) -> Option<(u8, u128)> {
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Some((4, u128::from(u32::from(address))));
    }
    text.parse::<Ipv6Addr>().ok().map(|address| (6, u128::from(address)))
}

/// The prefix length of a netmask or hostmask.
fn mask_prefix(mask: u128, width: u8) -> Option<u8> {
    let all = if width == 32 { u128::from(u32::MAX) } else { u128::MAX };
    let is_power = |value: u128| value == u128::MAX || (value + 1).is_power_of_two();
    let inverted = mask ^ all;
    if is_power(inverted) {
        return Some(width - (128 - inverted.leading_zeros()) as u8);
    }
    is_power(mask).then(|| width - (128 - mask.leading_zeros()) as u8)
}

fn write_address(version: u8, value: u128) -> String {
    if version == 4 {
        return Ipv4Addr::from(value as u32).to_string();
    }
    let address = Ipv6Addr::from(value);
    let s = address.segments();
    // The C library writes the deprecated IPv4-compatible addresses with dots, Rust does not.
    if s[..6] == [0; 6] && s[6] != 0 {
        return format!("::{}", Ipv4Addr::from(value as u32));
    }
    address.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_and_written() {
        for text in ["10.0.0.1/24", "::1/128", "2001:db8::/32", "::ffff:1.2.3.4/128", "::1.2.3.4/128"] {
            assert_eq!(Network::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Network::parse("10.0.0.1").unwrap().to_string(), "10.0.0.1/32");
        assert_eq!(Network::parse("10.0.0.1/255.255.255.0").unwrap().to_string(), "10.0.0.1/24");
        assert_eq!(Network::parse("10.0.0.1/0.0.0.255").unwrap().to_string(), "10.0.0.1/24");
        for text in ["10.0.0.256", "10.0.0", "10.0.0.1/33", "x", "10.0.0.1/255.0.255.0", ""] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_largest_network_has_a_size() {
        assert_eq!(Network::parse("::/0").unwrap().size().to_string(), "340282366920938463463374607431768211456");
    }
}
