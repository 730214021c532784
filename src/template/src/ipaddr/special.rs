//! Address blocks with a special meaning, from the IANA registries.

use super::Network;

/// Not reachable from everywhere (IANA special-purpose registries).
const LOCAL_ONLY: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
    "::/127",
    "::ffff:0:0/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "fc00::/7",
    "fe80::/10",
];

/// Inside the blocks above, but reachable.
const REACHABLE: &[&str] = &[
    "192.0.0.9/32",
    "192.0.0.10/32",
    "2001:1::1/128",
    "2001:1::2/128",
    "2001:3::/32",
    "2001:4:112::/48",
    "2001:20::/28",
    "2001:30::/28",
];

fn within(address: Network, blocks: &[&str]) -> bool {
    blocks.iter().filter_map(|block| Network::parse(block)).any(|block| block.contains(address))
}

impl Network {
    fn alone(self) -> Self {
        Self { prefix: self.width(), ..self }
    }

    /// Whether the address is reachable from everywhere.
    pub(super) fn is_global(self) -> bool {
        let address = self.alone();
        !within(address, LOCAL_ONLY) || within(address, REACHABLE)
    }

    pub(super) fn is_loopback(self) -> bool {
        within(self.alone(), &["127.0.0.0/8", "::1/128"])
    }

    pub(super) fn is_link_local(self) -> bool {
        within(self.alone(), &["169.254.0.0/16", "fe80::/10"])
    }

    /// Whether the address is kept for later use (by the IETF; most of version 6 is).
    pub(crate) fn is_reserved(self) -> bool {
        let blocks = [
            "240.0.0.0/4",
            "::/8",
            "100::/8",
            "200::/7",
            "400::/6",
            "800::/5",
            "1000::/4",
            "4000::/3",
            "6000::/3",
            "8000::/3",
            "a000::/3",
            "c000::/3",
            "e000::/4",
            "f000::/5",
            "f800::/6",
            "fe00::/9",
        ];
        within(self.alone(), &blocks)
    }

    pub(super) fn is_multicast(self) -> bool {
        within(self, &["224.0.0.0/4", "ff00::/8"])
    }

    /// Whether the address would do as a netmask.
    pub(crate) fn is_netmask(self) -> bool {
        let inverted = self.value ^ self.max();
        inverted & inverted.wrapping_add(1) == 0
    }

    /// Whether the address would do as a hostmask.
    pub(crate) fn is_hostmask(self) -> bool {
        self.value & self.value.wrapping_add(1) == 0
    }
}
