//! Computations over networks: subnets, neighbours, merging.

use rplay_value::{Map, Value};

use super::Network;
use super::hardware::Hardware;
use super::query::{IpError, ipaddr};

fn ask(value: &Value, query: &str) -> Option<Value> {
    ipaddr(value, query, None, "ipaddr").ok()
}

/// A value as a network without host bits unless it is an address inside one.
fn subject(value: &Value) -> Option<Network> {
    let kind = ask(value, "type")?;
    let written = if kind.as_str() == Some("address") { ask(value, "cidr") } else { ask(value, "subnet") };
    Network::parse(written?.as_str()?)
}

/// Address number `index` of a network (`nthhost`); `False` when there is none.
pub(crate) fn nth_host(value: &Value, index: i128) -> Value {
    let found = subject(value).and_then(|network| Some(network.write(network.nth(index)?)));
    found.map_or(Value::Bool(false), Value::from)
}

/// The usable address `offset` after (or, negative, before) the one given; `None` when there is none.
pub(crate) fn next_usable(value: &Value, offset: i128) -> Value {
    let Some(network) = subject(value) else { return Value::Bool(false) };
    let at = if offset < 0 {
        network.value().checked_sub(offset.unsigned_abs())
    } else {
        network.value().checked_add(offset.unsigned_abs())
    };
    match (network.usable(), at) {
        (Some((first, last)), Some(at)) if (first..=last).contains(&at) => Value::from(network.write(at)),
        _ => Value::Null,
    }
}

/// Whether `inner` lies in `outer`; with `usable`, without its network and broadcast addresses.
pub(crate) fn network_in(outer: &Value, inner: &Value, usable: bool) -> bool {
    let normal = |value: &Value| Network::parse(ask(value, "subnet")?.as_str()?);
    let (Some(outer), Some(inner)) = (normal(outer), normal(inner)) else { return false };
    let (first, last) = match outer.usable() {
        Some(range) if usable => range,
        _ => (outer.first(), outer.last()),
    };
    outer.version() == inner.version() && first <= inner.first() && inner.last() <= last
}

/// The addresses of a list that lie in a network.
pub(crate) fn reduce_on_network(addresses: &[Value], network: &Value) -> Value {
    let kept: Vec<Value> = addresses.iter().filter(|address| network_in(network, address, false)).cloned().collect();
    Value::from(kept)
}

/// An address moved by a number (`ipmath`).
pub(crate) fn ip_math(value: &str, amount: i128) -> Result<String, IpError> {
    let network = Network::parse(value)
        .ok_or_else(|| IpError(format!("You must pass a valid IP address; {value} is invalid")))?;
    let moved = if amount < 0 {
        network.value().checked_sub(amount.unsigned_abs())
    } else {
        network.value().checked_add(amount.unsigned_abs())
    };
    moved
        .and_then(|value| Network::host(network.version(), value))
        .map(Network::address)
        .ok_or_else(|| IpError("result outside valid IP address boundary!".to_owned()))
}

/// Puts version 6 addresses into brackets; everything else passes.
pub(crate) fn ip_wrap(value: &Value) -> Value {
    if let Value::List(items) = value {
        return Value::List(items.iter().map(ip_wrap).collect());
    }
    match ask(value, "") {
        Some(found @ Value::Text(_)) => ask(&found, "wrap").unwrap_or_else(|| value.clone()),
        _ => value.clone(),
    }
}

/// The networks of a subnet size, by number (`ipsubnet`).
pub(crate) fn ip_subnet(value: &Value, query: &str, index: Option<i128>) -> Result<Value, IpError> {
    let Some(network) = subject(value).map(Network::cidr) else { return Ok(Value::Bool(false)) };
    let is_address = network.is_single();
    if query.is_empty() {
        return Ok(Value::from(network.to_string()));
    }
    let width = network.width();
    let Ok(size) = query.parse::<u32>() else {
        return rank(network, query);
    };
    let Some(size) = u8::try_from(size).ok().filter(|size| *size <= width) else {
        return Ok(Value::Bool(false));
    };
    let resized = |prefix: u8| Network::new(network.version(), network.value(), prefix).map(Network::cidr);
    if is_address {
        let above = i128::from(width - size);
        let index = index.unwrap_or(0);
        let at = if index < 0 { above + index } else { index };
        let limit = i128::from(width) + 1 - index;
        if index > limit || !(0..above).contains(&at) {
            return Ok(Value::Bool(false));
        }
        let found = u8::try_from(i128::from(size) + at).ok().and_then(resized);
        return Ok(found.map_or(Value::Bool(false), |found| Value::from(found.to_string())));
    }
    let Some(bits) = size.checked_sub(network.prefix()) else {
        if index.is_none() {
            return Err(IpError(format!("Requested subnet size of {size} is invalid")));
        }
        return Ok(Value::Bool(false));
    };
    let count = num_bigint::BigInt::from(1) << bits;
    let Some(index) = index else {
        return Ok(Value::from(count.to_string()));
    };
    let count = i128::try_from(&count).unwrap_or(i128::MAX);
    let index = if index < 0 { index + count } else { index };
    if !(0..count).contains(&index) {
        return Ok(Value::Bool(false));
    }
    let offset = index.unsigned_abs() << (width - size);
    let found = Network::new(network.version(), network.value() + offset, size);
    Ok(found.map_or(Value::Bool(false), |found| Value::from(found.to_string())))
}

/// Which subnet of `query` this network is, counted from one.
fn rank(network: Network, query: &str) -> Result<Value, IpError> {
    let outer = subject(&Value::from(query))
        .ok_or_else(|| IpError(format!("You must pass a valid subnet or IP address; {query} is invalid")))?;
    if outer.version() != network.version() || !outer.cidr().contains(network) {
        return Err(IpError(format!("{network} is not in the subnet {}", outer.cidr())));
    }
    let bits = network.prefix() - outer.prefix();
    let number = network.value().checked_shr(u32::from(network.width() - network.prefix())).unwrap_or(0);
    let mask = if bits >= 128 { u128::MAX } else { (1 << bits) - 1 };
    Ok(Value::from(((number & mask) + 1).to_string()))
}

/// The address that stateless configuration gives a hardware address in a network; `False` when it cannot.
pub(crate) fn slaac(value: &Value, hardware: &str) -> Value {
    let network = subject(value).filter(|network| network.version() == 6);
    let found = network
        .zip(Hardware::parse(hardware))
        .map(|(network, hardware)| network.write(network.first().wrapping_add(u128::from(hardware.interface_id()))));
    found.map_or(Value::Bool(false), Value::from)
}

fn parse_all(values: &[Value]) -> Result<Vec<Network>, IpError> {
    values
        .iter()
        .map(|value| {
            let text = value.as_str().unwrap_or_default();
            Network::parse(text)
                .ok_or_else(|| IpError(format!("cidr_merge: error in netaddr:\ninvalid IPNetwork {text}")))
        })
        .collect()
}

/// The fewest networks that cover the same addresses.
pub(crate) fn cidr_merge(values: &[Value]) -> Result<Value, IpError> {
    let mut ranges: Vec<(u8, u128, u128)> =
        parse_all(values)?.into_iter().map(|n| (n.version(), n.first(), n.last())).collect();
    ranges.sort_unstable();
    let mut merged: Vec<(u8, u128, u128)> = Vec::new();
    for (version, first, last) in ranges {
        match merged.last_mut() {
            Some((v, _, end)) if *v == version && (first <= *end || first - 1 == *end) => *end = (*end).max(last),
            _ => merged.push((version, first, last)),
        }
    }
    let mut out: Vec<Value> = Vec::new();
    for (version, mut first, last) in merged {
        let width: u32 = if version == 4 { 32 } else { 128 };
        loop {
            // The largest block that starts here: limited by alignment and by what is left.
            let aligned = first.trailing_zeros().min(width);
            let left = (last - first).checked_add(1).map_or(128, |count| count.ilog2());
            let bits = aligned.min(left);
            if let Some(block) = Network::new(version, first, (width - bits) as u8) {
                out.push(Value::from(block.to_string()));
                if block.last() >= last {
                    break;
                }
                first = block.last() + 1;
            }
        }
    }
    Ok(Value::from(out))
}

/// The smallest network that holds all of them; `None` for an empty list.
pub(crate) fn spanning(values: &[Value]) -> Result<Value, IpError> {
    let networks = parse_all(values)?;
    let Some(one) = networks.first() else { return Ok(Value::Null) };
    if networks.len() == 1 {
        return Ok(Value::from(one.to_string()));
    }
    if networks.iter().any(|network| network.version() != one.version()) {
        let message = "cidr_merge: error in netaddr:\nIP sequence cannot contain both IPv4 and IPv6!";
        return Err(IpError(message.to_owned()));
    }
    let first = networks.iter().map(|network| network.first()).min().unwrap_or_default();
    let last = networks.iter().map(|network| network.last()).max().unwrap_or_default();
    let width = u32::from(one.width());
    let differing = 128 - (first ^ last).leading_zeros();
    let found = Network::new(one.version(), first, (width - differing) as u8).map(Network::cidr);
    Ok(found.map_or(Value::Null, |network| Value::from(network.to_string())))
}

/// Every address of a network, and how many there are.
pub(crate) fn usable_range(text: &str) -> Result<Value, IpError> {
    let fail = |why: String| IpError(format!("Error while using plugin 'usable_range': {why}"));
    let network =
        Network::parse(text).ok_or_else(|| fail(format!("'{text}' does not appear to be an IPv4 or IPv6 network")))?;
    if network.value() != network.first() {
        return Err(fail(format!("{network} has host bits set")));
    }
    if network.host_bits() > 20 {
        return Err(fail(format!("{network} has {} addresses: too many to list", network.size())));
    }
    let addresses: Vec<String> = (network.first()..=network.last()).map(|at| network.write(at)).collect();
    let mut out = Map::new();
    let count = addresses.len();
    out.insert("usable_ips", Value::from(addresses));
    out.insert("number_of_ips", count);
    Ok(Value::Map(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(text: &str) -> Value {
        Value::from(text)
    }

    #[test]
    fn hosts_and_neighbours() {
        assert_eq!(nth_host(&v("10.0.0.0/8"), 305), v("10.0.1.49"));
        assert_eq!(nth_host(&v("10.0.0.0/8"), -1), v("10.255.255.255"));
        assert_eq!(nth_host(&v("10.0.0.0/30"), 4), Value::Bool(false));
        assert_eq!(nth_host(&v("fd00::/64"), 10), v("fd00::a"));
        assert_eq!(next_usable(&v("192.168.122.1/24"), 2), v("192.168.122.3"));
        assert_eq!(next_usable(&v("192.168.122.254/24"), 2), Value::Null);
        assert_eq!(next_usable(&v("192.168.122.10/24"), -2), v("192.168.122.8"));
        assert_eq!(ip_math("192.168.1.152", 195).unwrap(), "192.168.2.91");
        assert_eq!(ip_math("2001::1", 9).unwrap(), "2001::a");
    }

    #[test]
    fn subnets_by_size_and_number() {
        let subnet = |value: &str, query: &str, index| ip_subnet(&v(value), query, index).unwrap();
        assert_eq!(subnet("192.168.144.5", "", None), v("192.168.144.5/32"));
        assert_eq!(subnet("192.168.0.0/16", "20", None), v("16"));
        assert_eq!(subnet("192.168.0.0/16", "20", Some(0)), v("192.168.0.0/20"));
        assert_eq!(subnet("192.168.0.0/16", "20", Some(-1)), v("192.168.240.0/20"));
        assert_eq!(subnet("192.168.0.0/16", "20", Some(5)), v("192.168.80.0/20"));
        assert_eq!(subnet("192.168.144.5", "20", None), v("192.168.144.0/20"));
        assert_eq!(subnet("192.168.144.5", "18", Some(0)), v("192.168.128.0/18"));
        assert_eq!(subnet("192.168.144.5", "18", Some(-1)), v("192.168.144.4/31"));
        assert_eq!(subnet("192.168.144.16/30", "192.168.144.0/24", None), v("5"));
    }

    #[test]
    fn networks_merge() {
        let list = ["192.168.0.0/17", "192.168.128.0/17", "192.168.128.1"].map(v);
        assert_eq!(cidr_merge(&list).unwrap(), Value::from(vec!["192.168.0.0/16"]));
        let list = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(v);
        assert_eq!(cidr_merge(&list).unwrap(), Value::from(vec!["10.0.0.1/32", "10.0.0.2/31"]));
        assert_eq!(cidr_merge(&["::/0"].map(v)).unwrap(), Value::from(vec!["::/0"]));
        assert_eq!(spanning(&["192.168.1.1", "192.168.1.2", "192.168.2.1"].map(v)).unwrap(), v("192.168.0.0/22"));
    }

    #[test]
    fn addresses_configure_themselves() {
        assert_eq!(
            slaac(&v("fdcf:1894:23b5:d38c:0000:0000:0000:0000"), "c2:31:b3:83:bf:2b"),
            v("fdcf:1894:23b5:d38c:c031:b3ff:fe83:bf2b")
        );
    }
}
