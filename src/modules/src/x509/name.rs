//! Distinguished names and general names, in DER and as people write them (`CN=x`, `DNS:host`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::der::{self, Item, Reader};
use super::encryption::unhex;
use super::fingerprint::colons;
use super::{X509Error, oid};

/// One part of a distinguished name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    /// Dotted.
    pub(crate) oid: String,
    pub(crate) value: String,
}

impl Attribute {
    /// By name or dotted identifier.
    pub(crate) fn new(name: &str, value: &str) -> Result<Self, X509Error> {
        let oid = oid::find(name)?;
        let limits = match oid.as_str() {
            "2.5.4.6" | "1.3.6.1.4.1.311.60.2.1.3" => Some((2, 2)),
            "2.5.4.3" => Some((1, 64)),
            _ => None,
        };
        if let Some((least, most)) = limits.filter(|(least, most)| !(*least..=*most).contains(&value.len())) {
            return Err(X509Error::bad(format!(
                "Attribute's length must be >= {least} and <= {most}, but it was {}",
                value.len()
            )));
        }
        Ok(Self { oid, value: value.to_owned() })
    }

    fn encode(&self) -> Result<Vec<u8>, X509Error> {
        let tag = match self.oid.as_str() {
            // Country, its jurisdiction, serial number, qualifier; then e-mail and domain component.
            "2.5.4.6" | "1.3.6.1.4.1.311.60.2.1.3" | "2.5.4.5" | "2.5.4.46" => der::PRINTABLE_STRING,
            "1.2.840.113549.1.9.1" | "0.9.2342.19200300.100.1.25" => der::IA5_STRING,
            _ => der::UTF8_STRING,
        };
        Ok(der::sequence(&[&der::oid(&self.oid)?, &der::tlv(tag, self.value.as_bytes())]))
    }
}

/// A distinguished name, one attribute a part.
pub(crate) fn encode_name(attributes: &[Attribute]) -> Result<Vec<u8>, X509Error> {
    let mut parts = Vec::new();
    for attribute in attributes {
        parts.extend(der::tlv(der::SET, &attribute.encode()?));
    }
    Ok(der::tlv(der::SEQUENCE, &parts))
}

/// The attributes of a distinguished name in their order.
pub(crate) fn decode_name(name: &[u8]) -> Result<Vec<Attribute>, X509Error> {
    let mut attributes = Vec::new();
    for part in Reader::new(name).inside(der::SEQUENCE)?.items()? {
        for attribute in Reader::new(part.content).items()? {
            let mut reader = Reader::new(attribute.content);
            let oid = reader.oid()?;
            attributes.push(Attribute { oid, value: text(&reader.next()?) });
        }
    }
    Ok(attributes)
}

/// A string of any of ASN.1's kinds.
fn text(item: &Item<'_>) -> String {
    const BMP_STRING: u8 = 0x1e;
    const UNIVERSAL_STRING: u8 = 0x1c;
    const T61_STRING: u8 = 0x14;
    match item.tag {
        BMP_STRING => {
            let units: Vec<u16> =
                item.content.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        UNIVERSAL_STRING => {
            let units = item.content.chunks_exact(4);
            units.filter_map(|unit| char::from_u32(u32::from_be_bytes([unit[0], unit[1], unit[2], unit[3]]))).collect()
        }
        T61_STRING => item.content.iter().map(|byte| char::from(*byte)).collect(),
        _ => String::from_utf8_lossy(item.content).into_owned(),
    }
}

/// A name of an alternative subject, of a constraint or of an issuer, as DER. `what` is named in errors.
pub(crate) fn encode_general(name: &str, what: &str) -> Result<Vec<u8>, X509Error> {
    let cannot = |why: String| X509Error::bad(format!("Cannot parse {what} \"{name}\": {why}"));
    let Some((kind, value)) = name.split_once(':') else {
        return Err(X509Error::bad(format!("Cannot parse {what} \"{name}\" (forgot \"DNS:\" prefix?)")));
    };
    let host = |value: &str| {
        let beyond = || X509Error::Beyond(format!("the name {value}, which is not ASCII,"));
        value.is_ascii().then_some(()).ok_or_else(beyond)
    };
    Ok(match kind {
        "DNS" => {
            host(value)?;
            der::tlv(der::implicit(2), value.as_bytes())
        }
        "email" => {
            host(value)?;
            der::tlv(der::implicit(1), value.as_bytes())
        }
        "URI" => {
            host(value)?;
            der::tlv(der::implicit(6), value.as_bytes())
        }
        "IP" => der::tlv(der::implicit(7), &address(value).map_err(cannot)?),
        "RID" => {
            let oid = der::oid(value).map_err(|error| cannot(error.to_string()))?;
            der::tlv(der::implicit(8), Reader::new(&oid).expect(der::OID)?)
        }
        "dirName" => {
            let mut attributes = parse_name(value).map_err(|error| cannot(error.to_string()))?;
            // Written last part first, as RFC 4514 says.
            attributes.reverse();
            let encoded = encode_name(&attributes).map_err(|error| cannot(error.to_string()))?;
            der::tlv(der::context(4), &encoded)
        }
        "otherName" => other_name(value, what).map_err(|error| cannot(error.to_string()))?,
        _ => {
            return Err(X509Error::bad(format!(
                "Cannot parse {what} \"{name}\" (potentially unsupported by cryptography backend)"
            )));
        }
    })
}

fn other_name(text: &str, what: &str) -> Result<Vec<u8>, X509Error> {
    let Some((oid, value)) = text.split_once(';') else {
        return Err(X509Error::bad(format!(
            "Cannot parse {what} otherName \"{text}\", must be in the format \"otherName:<OID>;<ASN.1 OpenSSL Encoded String>\" or \"otherName:<OID>;<hex string>\""
        )));
    };
    let hex: Option<Vec<u8>> =
        value.split(':').map(|pair| u8::from_str_radix(pair, 16).ok().filter(|_| pair.len() <= 2)).collect();
    let bytes = match hex {
        Some(bytes) => bytes,
        None => asn1_string(value)?,
    };
    Ok(der::tlv(der::context(0), &[der::oid(oid)?, der::tlv(der::context(0), &bytes)].concat()))
}

/// OpenSSL's notation of a string: `UTF8:text`, `EXPLICIT:1,UTF8:text`, `IMPLICIT:1A,UTF8:text`.
fn asn1_string(notation: &str) -> Result<Vec<u8>, X509Error> {
    let bad = || X509Error::bad("The ASN.1 serialized string must be in the format [modifier,]type[:value]");
    let (modifier, string) = match notation.split_once(',') {
        Some((modifier, string)) if modifier.starts_with("EXPLICIT:") || modifier.starts_with("IMPLICIT:") => {
            (Some(modifier), string)
        }
        _ => (None, notation),
    };
    let (kind, value) = string.split_once(':').ok_or_else(bad)?;
    if kind != "UTF8" {
        return Err(X509Error::bad(format!(
            "The ASN.1 serialized string is not a known type \"{kind}\", only UTF8 types are supported"
        )));
    }
    let plain = der::tlv(der::UTF8_STRING, value.as_bytes());
    let Some((how, tag)) = modifier.and_then(|modifier| modifier.split_once(':')) else { return Ok(plain) };
    let digits = tag.trim_end_matches(|c: char| c.is_ascii_uppercase());
    let number: u8 = digits.parse().ok().filter(|number| *number < 31).ok_or_else(bad)?;
    let class = match &tag[digits.len()..] {
        "U" => 0x00,
        "A" => 0x40,
        "C" | "" => 0x80,
        "P" => 0xc0,
        _ => return Err(bad()),
    };
    Ok(if how == "EXPLICIT" {
        der::tlv(class | 0x20 | number, &plain)
    } else {
        der::tlv(class | number, value.as_bytes())
    })
}

/// An address, or a network with its mask, in bytes.
fn address(text: &str) -> Result<Vec<u8>, String> {
    let bytes = |address: IpAddr| match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let Some((network, prefix)) = text.split_once('/') else {
        let address: IpAddr =
            text.parse().map_err(|_| format!("'{text}' does not appear to be an IPv4 or IPv6 address"))?;
        return Ok(bytes(address));
    };
    let not_one = || format!("'{text}' does not appear to be an IPv4 or IPv6 network");
    let mut address = bytes(network.parse().map_err(|_| not_one())?);
    let mask: Vec<u8> = match prefix.parse::<usize>() {
        Ok(length) if length <= address.len() * 8 => (0..address.len())
            .map(|at| match length.saturating_sub(at * 8) {
                0 => 0,
                bits @ 1..8 => 0xff << (8 - bits),
                _ => 0xff,
            })
            .collect(),
        _ => prefix.parse::<Ipv4Addr>().ok().filter(|_| address.len() == 4).ok_or_else(not_one)?.octets().to_vec(),
    };
    if address.iter().zip(&mask).any(|(byte, mask)| byte & !mask != 0) {
        return Err(format!("{text} has host bits set"));
    }
    address.extend(mask);
    Ok(address)
}

/// A general name as community.crypto shows it.
pub(crate) fn decode_general(item: &Item<'_>) -> Result<String, X509Error> {
    let plain = || String::from_utf8_lossy(item.content).into_owned();
    Ok(match item.tag {
        0xa0 => {
            let mut reader = Reader::new(item.content);
            format!("otherName:{};{}", reader.oid()?, colons(reader.expect(der::context(0))?))
        }
        0x81 => format!("email:{}", plain()),
        0x82 => format!("DNS:{}", plain()),
        0x86 => format!("URI:{}", plain()),
        0x87 => format!("IP:{}", shown_address(item.content)?),
        0x88 => format!("RID:{}", der::dotted(item.content)?),
        0xa4 => {
            let attributes = decode_name(item.content)?;
            let parts: Vec<String> = attributes
                .iter()
                .rev()
                .map(|attribute| format!("{}={}", oid::short_name(&attribute.oid), escape(&attribute.value)))
                .collect();
            format!("dirName:{}", parts.join(","))
        }
        _ => return Err(X509Error::Beyond(format!("a name with the tag {}", item.tag & 0x1f))),
    })
}

fn shown_address(bytes: &[u8]) -> Result<String, X509Error> {
    let one = |bytes: &[u8]| -> Option<IpAddr> {
        match bytes.len() {
            4 => <[u8; 4]>::try_from(bytes).ok().map(|b| IpAddr::V4(Ipv4Addr::from(b))),
            16 => <[u8; 16]>::try_from(bytes).ok().map(|b| IpAddr::V6(Ipv6Addr::from(b))),
            _ => None,
        }
    };
    let bad = || X509Error::bad("an IP address has the wrong length");
    if let 4 | 16 = bytes.len() {
        return one(bytes).map(|address| address.to_string()).ok_or_else(bad);
    }
    let (address, mask) = bytes.split_at(bytes.len() / 2);
    let length: u32 = mask.iter().map(|byte| byte.leading_ones()).sum();
    Ok(format!("{}/{length}", one(address).filter(|_| mask.len() == address.len()).ok_or_else(bad)?))
}

/// A value inside a distinguished name, special characters escaped.
fn escape(value: &str) -> String {
    let mut out = String::new();
    for c in value.chars() {
        match c {
            '\\' | ',' | '+' | '<' | '>' | ';' | '"' => out.extend(['\\', c]),
            '\0' => out.push_str("\\00"),
            _ => out.push(c),
        }
    }
    if out.starts_with([' ', '#']) {
        out.insert(0, '\\');
    }
    if out.ends_with(' ') && out.len() > 1 {
        out.insert(out.len() - 1, '\\');
    }
    out
}

/// `CN=Test, O = Something` or `/CN=Test/O=Something`.
pub(crate) fn parse_name(text: &str) -> Result<Vec<Attribute>, X509Error> {
    let wrong = |why: &str| {
        X509Error::bad(format!("Error while parsing distinguished name {}: {why}", crate::convert::quoted(text)))
    };
    let (separator, mut rest) = match text.trim_start().strip_prefix('/') {
        Some(rest) => ('/', rest),
        None => (',', text.trim_start()),
    };
    let mut attributes = Vec::new();
    while !rest.is_empty() {
        let (attribute, after) = component(rest, Some(separator)).map_err(|error| wrong(&error.to_string()))?;
        attributes.push(attribute);
        rest = after;
        if !rest.is_empty() {
            rest = rest
                .strip_prefix(separator)
                .filter(|rest| !rest.is_empty())
                .ok_or_else(|| wrong("unexpected end of string"))?;
        }
    }
    Ok(attributes)
}

/// A relative name: every part is one attribute, taken as it is.
pub(crate) fn encode_relative(parts: &[&str]) -> Result<Vec<u8>, X509Error> {
    let mut encoded: Vec<Vec<u8>> = Vec::new();
    for part in parts {
        let (attribute, _) = component(part, None).map_err(|error| {
            let part = crate::convert::quoted(part);
            X509Error::bad(format!("Error while parsing relative distinguished name {part}: {error}"))
        })?;
        encoded.push(attribute.encode()?);
    }
    encoded.sort();
    Ok(encoded.concat())
}

/// One `NAME=VALUE` and what follows it. Without a separator the value goes to the end and has no escapes.
fn component(text: &str, separator: Option<char>) -> Result<(Attribute, &str), X509Error> {
    let cannot = || X509Error::bad(format!("cannot start part in \"{text}\""));
    let (name, rest) = text.split_once('=').ok_or_else(cannot)?;
    let name = name.trim_matches(' ');
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.') {
        return Err(cannot());
    }
    let rest = rest.trim_start_matches(' ');
    let Some(separator) = separator else { return Ok((Attribute::new(name, rest)?, "")) };
    let mut value: Vec<u8> = Vec::new();
    let bytes = rest.as_bytes();
    let mut at = 0;
    if let Some(hex) = rest.strip_prefix('#') {
        let digits = hex.bytes().take_while(u8::is_ascii_hexdigit).count() / 2 * 2;
        let bad = || {
            X509Error::bad(format!(
                "Invalid hex sequence entry \"{}\"",
                hex.get(digits..digits + 2).unwrap_or_default()
            ))
        };
        if hex.len() > digits + 1 {
            return Err(bad());
        }
        value = unhex(&hex[..digits]).ok_or_else(bad)?;
        at = digits + 1;
    } else {
        while at < bytes.len() && bytes[at] != separator as u8 {
            if bytes[at] != b'\\' || at + 1 == bytes.len() {
                value.push(bytes[at]);
                at += 1;
                continue;
            }
            let escaped = bytes[at + 1];
            if escaped.is_ascii_hexdigit() {
                let pair = rest.get(at + 1..at + 3).ok_or_else(|| {
                    X509Error::bad(format!("Hex escape sequence \"\\{}\" incomplete at end of string", escaped as char))
                })?;
                let byte = unhex(pair).ok_or_else(|| {
                    X509Error::bad(format!("Hex escape sequence \"\\{pair}\" has invalid second letter"))
                })?;
                value.extend(byte);
                at += 3;
            } else {
                value.push(escaped);
                at += 2;
            }
        }
    }
    let value = String::from_utf8(value).map_err(|_| X509Error::bad("a name is not UTF-8"))?;
    Ok((Attribute::new(name, &value)?, rest.get(at..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(name: &str) -> String {
        let encoded = encode_general(name, "x").unwrap();
        decode_general(&Reader::new(&encoded).next().unwrap()).unwrap()
    }

    #[test]
    fn general_names_come_back_as_written() {
        for name in [
            "DNS:*.example.com",
            "email:a@example.com",
            "URI:https://example.com/x",
            "IP:10.0.0.1",
            "IP:fd00::1",
            "IP:10.0.0.0/8",
            "IP:fd00::/16",
            "RID:1.2.3.4",
            "dirName:CN=a\\,b,O=x",
            "otherName:1.2.3.4;0c:01:61",
        ] {
            assert_eq!(there_and_back(name), name);
        }
        assert_eq!(there_and_back("otherName:1.2.3.4;UTF8:a"), "otherName:1.2.3.4;0c:01:61");
        assert_eq!(there_and_back("IP:10.0.0.0/255.255.0.0"), "IP:10.0.0.0/16");
        assert_eq!(there_and_back("dirName:/CN=a/O=b c"), "dirName:CN=a,O=b c");
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let error = |name| encode_general(name, "Subject Alternative Name").unwrap_err().to_string();
        assert_eq!(error("host"), "Cannot parse Subject Alternative Name \"host\" (forgot \"DNS:\" prefix?)");
        assert_eq!(
            error("IP:x"),
            "Cannot parse Subject Alternative Name \"IP:x\": 'x' does not appear to be an IPv4 or IPv6 address"
        );
        assert!(error("IP:10.0.0.1/8").ends_with("10.0.0.1/8 has host bits set"));
        assert!(error("dirName:CN").contains("cannot start part in \"CN\""));
        assert!(error("odd:x").ends_with("(potentially unsupported by cryptography backend)"));
        assert!(error("DNS:bücher.example").contains("Python module"));
        assert!(Attribute::new("C", "DEU").unwrap_err().to_string().contains("but it was 3"));
    }
}
