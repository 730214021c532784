//! The queries of `ipaddr`, as ansible.utils 6 answers them.

use num_bigint::BigInt;
use rplay_value::Value;

use super::Network;

/// A query that cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct IpError(pub(crate) String);

/// Whether a value was written as a single address or with a prefix; the answers differ.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Address,
    Network,
}

/// A value read as an address or network.
struct Subject {
    network: Network,
    written: Written,
    /// What a query answers that lets the value pass.
    value: Value,
}

/// Answers a query about one value or, for a list, about each item (items that answer falsely are dropped).
///
/// `version` restricts to 4 or 6, `alias` is the filter's name for messages. A value that is no address answers
/// `False`; a query with no answer `None`.
pub(crate) fn ipaddr(value: &Value, query: &str, version: Option<u8>, alias: &str) -> Result<Value, IpError> {
    if let Value::List(items) = value {
        let mut answers = Vec::new();
        for item in items {
            let answer = ipaddr(item, query, version, alias)?;
            let falsy = match &answer {
                Value::Null | Value::Bool(false) => true,
                Value::Int(number) => *number == 0,
                Value::Text(text) => text.is_empty(),
                Value::List(items) => items.is_empty(),
                _ => false,
            };
            if !falsy {
                answers.push(answer);
            }
        }
        return Ok(Value::from(answers));
    }
    let Some(subject) = read(value, version) else {
        return Ok(Value::Bool(false));
    };
    if version.is_some_and(|version| version != subject.network.version()) {
        return Ok(Value::Bool(false));
    }
    if let Some(answer) = answer(query, &subject) {
        return answer;
    }
    if let Ok(number) = query.trim().parse::<f64>() {
        return Ok(indexed(&subject, query, number));
    }
    match Network::parse(query) {
        Some(block) if block.cidr().contains(subject.network) => Ok(subject.value),
        Some(_) => Ok(Value::Null),
        None => Err(IpError(format!("{alias}: unknown filter type: {query}"))),
    }
}

fn read(value: &Value, version: Option<u8>) -> Option<Subject> {
    let text = match value {
        Value::Bool(_) | Value::Null => return None,
        Value::Int(0) => return None,
        Value::Int(number) => number.to_string(),
        Value::Big(number) => number.to_string(),
        Value::Text(text) if text.is_empty() => return None,
        Value::Text(text) => text.to_string(),
        _ => return None,
    };
    let number = |text: &str| text.parse::<u128>().ok();
    if text.bytes().all(|b| b.is_ascii_digit()) {
        let number = number(&text)?;
        let four = if version == Some(6) { None } else { Network::host(4, number) };
        let network = four.or_else(|| Network::host(6, number))?;
        return Some(Subject { network, written: Written::Address, value: Value::from(network.to_string()) });
    }
    if let Some(network) = Network::parse(&text) {
        let written = if text.matches('/').count() == 1 { Written::Network } else { Written::Address };
        return Some(Subject { network, written, value: value.clone() });
    }
    let (address, prefix) = text.split_once('/')?;
    let (address, prefix) = (number(address.trim())?, prefix.trim().parse::<u8>().ok()?);
    let network = Network::new(4, address, prefix).or_else(|| Network::new(6, address, prefix))?;
    Some(Subject { network, written: Written::Network, value: Value::from(network.to_string()) })
}

/// A numeric query: that address of the network, with the prefix.
fn indexed(subject: &Subject, query: &str, number: f64) -> Value {
    let v = subject.network;
    if v.is_single() {
        return Value::from(match subject.written {
            Written::Address => v.address(),
            Written::Network => v.to_string(),
        });
    }
    // Only whole numbers index; anything else a number can be answers False.
    let index = query.trim().parse::<i128>().ok().filter(|_| number.fract() == 0.0);
    index
        .and_then(|index| v.nth(index))
        .map_or(Value::Bool(false), |at| Value::from(format!("{}/{}", v.write(at), v.prefix())))
}

fn text(text: impl Into<String>) -> Value {
    Value::from(text.into())
}

fn passes(subject: &Subject, condition: bool) -> Value {
    if condition { subject.value.clone() } else { Value::Null }
}

/// Answers that only make sense for something written with a prefix.
fn of_network(
    subject: &Subject,
    find: impl FnOnce(Network) -> Result<Value, IpError>,
) -> Option<Result<Value, IpError>> {
    Some(match subject.written {
        Written::Address => Err(IpError("Not a network address".to_owned())),
        Written::Network => find(subject.network),
    })
}

/// The answer to a known query; none when the query is not known.
fn answer(query: &str, subject: &Subject) -> Option<Result<Value, IpError>> {
    let v = subject.network;
    let is_address = subject.written == Written::Address;
    let with_prefix = |value: u128| text(format!("{}/{}", v.write(value), v.prefix()));
    let has_host_bits = v.value() != v.first();
    Some(Ok(match query {
        "" if is_address => text(v.address()),
        "" | "cidr" => text(v.to_string()),
        "6to4" => six_to_four(subject),
        "address" | "ip" => {
            if v.is_single() || has_host_bits || v.broadcast().is_none() || v.version() == 6 {
                text(v.address())
            } else {
                Value::Null
            }
        }
        "address/prefix" | "gateway" | "gw" | "host/prefix" | "hostnet" | "router" => {
            let edge = !has_host_bits || Some(v.value()) == v.broadcast();
            if v.host_bits() > 1 && edge { Value::Bool(false) } else { with_prefix(v.value()) }
        }
        "bool" => Value::Bool(true),
        "broadcast" => v.broadcast().map_or(Value::Null, |at| text(v.write(at))),
        "first_usable" => {
            return of_network(subject, |v| Ok(v.usable().map_or(Value::Null, |(first, _)| text(v.write(first)))));
        }
        "last_usable" => {
            return of_network(subject, |v| Ok(v.usable().map_or(Value::Null, |(_, last)| text(v.write(last)))));
        }
        "range_usable" => {
            return of_network(subject, |v| {
                Ok(v.usable()
                    .map_or(Value::Null, |(first, last)| text(format!("{}-{}", v.write(first), v.write(last)))))
            });
        }
        "next_usable" => return of_network(subject, |v| Ok(neighbour(v, v.value().checked_add(1)))),
        "previous_usable" => return of_network(subject, |v| Ok(neighbour(v, v.value().checked_sub(1)))),
        "peer" => return of_network(subject, peer),
        "host" => {
            if v.is_single() {
                text(v.to_string())
            } else if has_host_bits || v.broadcast().is_none() {
                with_prefix(v.value())
            } else {
                Value::Null
            }
        }
        "hostmask" | "wildcard" => text(v.write(v.hostmask())),
        "int" if is_address => Value::from(v.value()),
        "int" => text(format!("{}/{}", v.value(), v.prefix())),
        "ip/prefix" => {
            if v.host_bits() == 1 || !v.is_single() && has_host_bits {
                with_prefix(v.value())
            } else {
                Value::Null
            }
        }
        "ip_netmask" => {
            if v.host_bits() == 1 || !v.is_single() && has_host_bits {
                text(format!("{} {}", v.address(), v.write(v.netmask())))
            } else {
                Value::Null
            }
        }
        "ipv4" | "v4" if v.version() == 6 => to_version_4(v).map_or(Value::Bool(false), |v| text(v.to_string())),
        "ipv6" | "v6" if v.version() == 4 => {
            let mapped = Network::new(6, 0xffff_0000_0000 + v.value(), v.prefix() + 96);
            mapped.map_or(Value::Bool(false), |v| text(v.to_string()))
        }
        "ipv4" | "ipv6" | "v4" | "v6" => subject.value.clone(),
        "link-local" => passes(subject, v.is_link_local()),
        "lo" | "loopback" => passes(subject, v.is_loopback()),
        "multicast" => passes(subject, v.is_multicast()),
        "unicast" => passes(subject, !v.is_multicast()),
        "private" => passes(subject, !v.is_global()),
        "public" => passes(
            subject,
            !v.is_multicast_address() && v.is_global() && !v.is_loopback() && !v.is_netmask() && !v.is_hostmask(),
        ),
        "net" => {
            if v.is_single() || has_host_bits {
                Value::Null
            } else {
                with_prefix(v.first())
            }
        }
        "netmask" => text(v.write(v.netmask())),
        "network" | "network_id" => text(v.write(v.first())),
        "network/prefix" | "subnet" => text(v.cidr().to_string()),
        "network_netmask" => text(format!("{} {}", v.write(v.first()), v.write(v.netmask()))),
        "network_wildcard" => text(format!("{} {}", v.write(v.first()), v.write(v.hostmask()))),
        "prefix" => Value::from(v.prefix()),
        "revdns" => text(reverse(v)),
        "size" => Value::from_bigint(v.size()),
        "size_usable" => match v.host_bits() {
            0 => Value::from(0),
            1 => Value::from(2),
            _ => Value::from_bigint(v.size() - BigInt::from(2)),
        },
        "type" => text(if v.is_single() || has_host_bits { "address" } else { "network" }),
        "version" => Value::from(v.version()),
        "wrap" if v.version() == 4 => subject.value.clone(),
        "wrap" if is_address => text(format!("[{}]", v.address())),
        "wrap" => text(format!("[{}]/{}", v.address(), v.prefix())),
        _ => return None,
    }))
}

impl Network {
    fn is_multicast_address(self) -> bool {
        Network::host(self.version(), self.value()).is_some_and(Network::is_multicast)
    }
}

/// The address beside this one when it is usable.
fn neighbour(v: Network, at: Option<u128>) -> Value {
    match (v.usable(), at) {
        (Some((first, last)), Some(at)) if (first..=last).contains(&at) => text(v.write(at)),
        _ => Value::Null,
    }
}

/// The other end of a point-to-point network.
fn peer(v: Network) -> Result<Value, IpError> {
    let other = match (v.host_bits(), v.value() % 4) {
        (1, _) => v.value() ^ 1,
        (2, 0) => return Err(IpError("Network address of /30 has no peer".to_owned())),
        (2, 3) => return Err(IpError("Broadcast address of /30 has no peer".to_owned())),
        (2, _) => v.value() ^ 3,
        _ => return Err(IpError("Not a point-to-point network".to_owned())),
    };
    Ok(text(v.write(other)))
}

/// The same address in version 4, when it is mapped or compatible.
fn to_version_4(v: Network) -> Option<Network> {
    let value = match v.value() {
        value if value <= u128::from(u32::MAX) => value,
        value if value <= 0xffff_ffff_ffff => value.checked_sub(0xffff_0000_0000)?,
        _ => return None,
    };
    Network::new(4, value, v.prefix().checked_sub(96)?)
}

fn six_to_four(subject: &Subject) -> Value {
    let v = subject.network;
    if v.version() == 4 {
        if !v.is_single() && v.value() == v.first() {
            return Value::Bool(false);
        }
        let (high, low) = (v.value() >> 16 & 0xffff, v.value() & 0xffff);
        let lone = Network::host(4, v.value()).is_some_and(|v| {
            !v.is_global() || !v.is_multicast() && !v.is_loopback() && !v.is_netmask() && !v.is_hostmask()
        });
        return if lone { text(format!("2002:{high:04x}:{low:04x}::1/48")) } else { Value::Bool(false) };
    }
    let inside = v.value() >> 112 == 0x2002;
    let counts = subject.written == Written::Address || v.value() != v.first();
    if inside && counts { subject.value.clone() } else { Value::Bool(false) }
}

/// The name that reverse DNS knows the address by.
fn reverse(v: Network) -> String {
    if v.version() == 4 {
        let backwards = (v.value() as u32).swap_bytes();
        return format!("{}.in-addr.arpa.", std::net::Ipv4Addr::from(backwards));
    }
    let mut name = String::with_capacity(73);
    for shift in 0..32 {
        name.extend(char::from_digit((v.value() >> (shift * 4) & 0xf) as u32, 16));
        name.push('.');
    }
    name + "ip6.arpa."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(value: &str, query: &str) -> Value {
        ipaddr(&Value::from(value), query, None, "ipaddr").unwrap()
    }

    #[test]
    fn queries_of_the_corpora() {
        for (value, query, want) in [
            ("192.0.2.1/24", "address", "192.0.2.1"),
            ("192.0.2.1/24", "network/prefix", "192.0.2.0/24"),
            ("192.0.2.1/24", "subnet", "192.0.2.0/24"),
            ("192.0.2.0/24", "net", "192.0.2.0/24"),
            ("192.0.2.1/24", "netmask", "255.255.255.0"),
            ("192.0.2.0/24", "1", "192.0.2.1/24"),
            ("192.0.2.0/24", "-2", "192.0.2.254/24"),
            ("192.0.2.1", "192.0.2.0/24", "192.0.2.1"),
            ("fe80::1", "wrap", "[fe80::1]"),
            ("2001:db8::1/64", "broadcast", "2001:db8::ffff:ffff:ffff:ffff"),
            ("192.168.1.5/24", "revdns", "5.1.168.192.in-addr.arpa."),
        ] {
            assert_eq!(ask(value, query), Value::from(want), "{value} {query}");
        }
        assert_eq!(ask("192.0.2.1/24", "prefix"), Value::from(24));
        assert_eq!(ask("192.0.2.0/24", "address"), Value::Null);
        assert_eq!(ask("nonsense", ""), Value::Bool(false));
        assert_eq!(ask("8.8.8.8", "private"), Value::Null);
        assert_eq!(ask("10.1.1.1", "public"), Value::Null);
        let error = ipaddr(&Value::from("10.0.0.1"), "nonsense", None, "ipaddr").unwrap_err();
        assert_eq!(error.0, "ipaddr: unknown filter type: nonsense");
    }

    #[test]
    fn lists_keep_what_answers() {
        let list = Value::from(vec!["10.0.0.1", "nonsense", "::1", "10.0.0.0/8"]);
        assert_eq!(ipaddr(&list, "", Some(4), "ipv4").unwrap(), Value::from(vec!["10.0.0.1", "10.0.0.0/8"]));
    }
}
