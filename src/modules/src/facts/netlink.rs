//! Addresses and routes, asked of the kernel over a route netlink socket: what `ip addr` and `ip route` print, without
//! starting a program per interface.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;

const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_DUMP: u16 = 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const TABLE_LOCAL: u32 = 255;
const TYPE_LOCAL: u8 = 2;
const FLAG_SECONDARY: u32 = 0x01;
const HEADER: usize = 16;

/// One address of one interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// Kernel's number of the interface.
    pub(super) index: u32,
    pub(super) ip: IpAddr,
    /// The other end of a point-to-point link.
    pub(super) peer: Option<IpAddr>,
    pub(super) broadcast: Option<Ipv4Addr>,
    pub(super) prefix: u8,
    pub(super) scope: u8,
    pub(super) secondary: bool,
    /// The interface's name, or a name of the address's own such as `eth0:1`.
    pub(super) label: Option<String>,
}

/// The way to one destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) index: Option<u32>,
    pub(super) source: Option<IpAddr>,
    pub(super) gateway: Option<IpAddr>,
}

/// Every address, in the kernel's order.
pub(super) fn addresses() -> io::Result<Vec<Address>> {
    let mut addresses = Vec::new();
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let body = [family as u8, 0, 0, 0, 0, 0, 0, 0];
        for (kind, body) in ask(RTM_GETADDR, NLM_F_DUMP, &body)? {
            if kind == RTM_NEWADDR {
                addresses.extend(address(&body));
            }
        }
    }
    Ok(addresses)
}

/// The route a packet to `destination` would take.
pub(super) fn route_to(destination: IpAddr) -> io::Result<Route> {
    let bytes = match destination {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    let mut body = route_header(destination.is_ipv4(), (bytes.len() * 8) as u8, 0);
    body.extend(u16::to_ne_bytes((bytes.len() + 4) as u16));
    body.extend(u16::to_ne_bytes(1));
    body.extend(bytes);
    let mut route = Route::default();
    for (kind, body) in ask(RTM_GETROUTE, 0, &body)? {
        if kind != RTM_NEWROUTE {
            continue;
        }
        for (attribute, value) in attributes(body.get(12..).unwrap_or_default()) {
            match attribute {
                4 => route.index = number(value),
                5 => route.gateway = ip(value),
                7 => route.source = ip(value),
                _ => {}
            }
        }
    }
    Ok(route)
}

/// Destinations of the local table as `address` or `network/prefix`: what this host answers to itself.
pub(super) fn local_destinations(v4: bool) -> io::Result<Vec<String>> {
    let mut destinations: Vec<String> = Vec::new();
    for (kind, body) in ask(RTM_GETROUTE, NLM_F_DUMP, &route_header(v4, 0, TABLE_LOCAL as u8))? {
        if kind != RTM_NEWROUTE || body.len() < 12 || body[7] != TYPE_LOCAL {
            continue;
        }
        let (length, mut table, mut destination) = (body[1], u32::from(body[4]), None);
        for (attribute, value) in attributes(&body[12..]) {
            match attribute {
                1 => destination = ip(value),
                15 => table = number(value).unwrap_or(table),
                _ => {}
            }
        }
        let Some(destination) = destination.filter(|_| table == TABLE_LOCAL) else { continue };
        let whole = length == if v4 { 32 } else { 128 };
        let text = if whole { destination.to_string() } else { format!("{destination}/{length}") };
        if !destinations.contains(&text) {
            destinations.push(text);
        }
    }
    Ok(destinations)
}

fn route_header(v4: bool, length: u8, table: u8) -> Vec<u8> {
    let family = if v4 { AddressFamily::Inet } else { AddressFamily::Inet6 };
    vec![family as u8, length, 0, 0, table, 0, 0, 0, 0, 0, 0, 0]
}

/// Sends one request and returns the messages that answer it, as type and body.
fn ask(kind: u16, flags: u16, body: &[u8]) -> io::Result<Vec<(u16, Vec<u8>)>> {
    let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::new(2, 0))?;
    let mut request = Vec::with_capacity(HEADER + body.len());
    request.extend(u32::to_ne_bytes((HEADER + body.len()) as u32));
    request.extend(u16::to_ne_bytes(kind));
    request.extend(u16::to_ne_bytes(NLM_F_REQUEST | flags));
    request.extend(u32::to_ne_bytes(1));
    request.extend(u32::to_ne_bytes(0));
    request.extend(body);
    sendto(socket.as_raw_fd(), &request, &NetlinkAddr::new(0, 0), MsgFlags::empty())?;

    let mut answers = Vec::new();
    let mut buffer = vec![0_u8; 65_536];
    loop {
        let received = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        let mut rest = &buffer[..received];
        while rest.len() >= HEADER {
            let length = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
            let kind = u16::from_ne_bytes([rest[4], rest[5]]);
            if length < HEADER || length > rest.len() {
                break;
            }
            let body = &rest[HEADER..length];
            match kind {
                NLMSG_DONE => return Ok(answers),
                NLMSG_ERROR => {
                    let code = number(body.get(..4).unwrap_or_default()).unwrap_or(0) as i32;
                    return if code == 0 { Ok(answers) } else { Err(io::Error::from_raw_os_error(-code)) };
                }
                _ => answers.push((kind, body.to_vec())),
            }
            rest = &rest[aligned(length).min(rest.len())..];
        }
        if flags & NLM_F_DUMP == 0 {
            return Ok(answers);
        }
    }
}

fn aligned(length: usize) -> usize {
    length.div_ceil(4) * 4
}

/// The attributes of a message body: type and bytes.
fn attributes(mut rest: &[u8]) -> Vec<(u16, &[u8])> {
    let mut attributes = Vec::new();
    while rest.len() >= 4 {
        let length = usize::from(u16::from_ne_bytes([rest[0], rest[1]]));
        let kind = u16::from_ne_bytes([rest[2], rest[3]]) & 0x3fff;
        if length < 4 || length > rest.len() {
            break;
        }
        attributes.push((kind, &rest[4..length]));
        rest = &rest[aligned(length).min(rest.len())..];
    }
    attributes
}

fn address(body: &[u8]) -> Option<Address> {
    let (prefix, flags, scope) = (*body.get(1)?, u32::from(*body.get(2)?), *body.get(3)?);
    let index = number(body.get(4..8)?)?;
    let (mut local, mut remote, mut broadcast, mut label, mut flags) = (None, None, None, None, flags);
    for (kind, value) in attributes(body.get(8..)?) {
        match kind {
            1 => remote = ip(value),
            2 => local = ip(value),
            3 => label = Some(String::from_utf8_lossy(value).trim_end_matches('\0').to_owned()),
            4 => broadcast = ip(value),
            8 => flags = number(value).unwrap_or(flags),
            _ => {}
        }
    }
    let address = local.or(remote)?;
    let broadcast = match broadcast {
        Some(IpAddr::V4(v4)) => Some(v4),
        _ => None,
    };
    let peer = remote.filter(|remote| *remote != address);
    Some(Address { index, ip: address, peer, broadcast, prefix, scope, secondary: flags & FLAG_SECONDARY != 0, label })
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_ne_bytes)
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(v4).into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|v6| Ipv6Addr::from(v6).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_address_is_there() {
        let addresses = addresses().unwrap();
        assert!(addresses.iter().any(|address| address.ip == IpAddr::from([127, 0, 0, 1])));
        assert!(local_destinations(true).unwrap().contains(&"127.0.0.1".to_owned()));
        assert!(route_to(IpAddr::from([127, 0, 0, 1])).unwrap().index.is_some());
    }

    #[test]
    fn attributes_end_at_the_first_bad_length() {
        let mut body = Vec::new();
        body.extend(6_u16.to_ne_bytes());
        body.extend(3_u16.to_ne_bytes());
        body.extend([1, 2, 0, 0]);
        body.extend(200_u16.to_ne_bytes());
        body.extend(1_u16.to_ne_bytes());
        assert_eq!(attributes(&body), [(3, &[1_u8, 2][..])]);
    }
}
