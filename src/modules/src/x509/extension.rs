//! Extensions of requests and certificates.

use super::der::{self, Item, Reader};
use super::{X509Error, name, oid};

pub(crate) const SUBJECT_KEY_IDENTIFIER: &str = "2.5.29.14";
pub(crate) const KEY_USAGE: &str = "2.5.29.15";
pub(crate) const SUBJECT_ALT_NAME: &str = "2.5.29.17";
pub(crate) const BASIC_CONSTRAINTS: &str = "2.5.29.19";
pub(crate) const NAME_CONSTRAINTS: &str = "2.5.29.30";
pub(crate) const CRL_DISTRIBUTION_POINTS: &str = "2.5.29.31";
pub(crate) const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";
pub(crate) const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
pub(crate) const AUTHORITY_INFORMATION: &str = "1.3.6.1.5.5.7.1.1";
pub(crate) const TLS_FEATURE: &str = "1.3.6.1.5.5.7.1.24";

/// One extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extension {
    /// Dotted.
    pub(crate) oid: String,
    pub(crate) critical: bool,
    /// DER.
    pub(crate) value: Vec<u8>,
}

impl Extension {
    pub(crate) fn new(oid: &str, critical: bool, value: Vec<u8>) -> Self {
        Self { oid: oid.to_owned(), critical, value }
    }

    fn encode(&self) -> Result<Vec<u8>, X509Error> {
        let critical = if self.critical { der::tlv(der::BOOLEAN, &[0xff]) } else { Vec::new() };
        Ok(der::sequence(&[&der::oid(&self.oid)?, &critical, &der::tlv(der::OCTET_STRING, &self.value)]))
    }

    /// The names of an alternative subject, as people write them.
    pub(crate) fn names(&self) -> Result<Vec<String>, X509Error> {
        general_names(Reader::new(&self.value).inside(der::SEQUENCE)?)
    }
}

/// Extensions as one sequence.
pub(crate) fn encode(extensions: &[Extension]) -> Result<Vec<u8>, X509Error> {
    let mut parts = Vec::new();
    for extension in extensions {
        parts.extend(extension.encode()?);
    }
    Ok(der::tlv(der::SEQUENCE, &parts))
}

/// Extensions from one sequence.
pub(crate) fn decode(sequence: &[u8]) -> Result<Vec<Extension>, X509Error> {
    let mut extensions = Vec::new();
    for item in Reader::new(sequence).inside(der::SEQUENCE)?.items()? {
        let mut reader = Reader::new(item.content);
        let oid = reader.oid()?;
        let critical = reader.optional(der::BOOLEAN)?.is_some_and(|value| value != [0]);
        extensions.push(Extension { oid, critical, value: reader.expect(der::OCTET_STRING)?.to_vec() });
    }
    Ok(extensions)
}

/// The extension of this kind.
pub(crate) fn find<'a>(extensions: &'a [Extension], oid: &str) -> Option<&'a Extension> {
    extensions.iter().find(|extension| extension.oid == oid)
}

fn general_names(reader: Reader<'_>) -> Result<Vec<String>, X509Error> {
    reader.items()?.iter().map(name::decode_general).collect()
}

fn encode_names(names: &[&str], what: &str) -> Result<Vec<u8>, X509Error> {
    let encoded: Vec<Vec<u8>> = names.iter().map(|name| name::encode_general(name, what)).collect::<Result<_, _>>()?;
    Ok(encoded.concat())
}

/// `subjectAltName`.
pub(crate) fn alternative_names(names: &[&str]) -> Result<Vec<u8>, X509Error> {
    Ok(der::tlv(der::SEQUENCE, &encode_names(names, "Subject Alternative Name")?))
}

/// Names of the bits of `keyUsage`, in their order: as shown, as in configurations.
const USAGES: [(&str, &str); 9] = [
    ("Digital Signature", "digitalSignature"),
    ("Non Repudiation", "nonRepudiation"),
    ("Key Encipherment", "keyEncipherment"),
    ("Data Encipherment", "dataEncipherment"),
    ("Key Agreement", "keyAgreement"),
    ("Certificate Sign", "keyCertSign"),
    ("CRL Sign", "cRLSign"),
    ("Encipher Only", "encipherOnly"),
    ("Decipher Only", "decipherOnly"),
];

/// Bits of which the last ones that are not set are left out.
fn named_bits(bits: u16) -> Vec<u8> {
    let bytes = bits.reverse_bits().to_be_bytes();
    let used = 16 - bits.leading_zeros() as usize;
    let length = used.div_ceil(8);
    let mut content = vec![(length * 8 - used) as u8];
    content.extend(&bytes[..length]);
    der::tlv(der::BIT_STRING, &content)
}

fn read_bits(value: &[u8]) -> Result<u16, X509Error> {
    let content = Reader::new(value).expect(der::BIT_STRING)?;
    let byte = |at: usize| content.get(at).copied().unwrap_or(0);
    Ok(u16::from_be_bytes([byte(1), byte(2)]).reverse_bits())
}

/// `keyUsage`.
pub(crate) fn key_usage(usages: &[&str]) -> Result<Vec<u8>, X509Error> {
    let mut bits = 0;
    for usage in usages {
        let at = USAGES.iter().position(|(shown, short)| shown == usage || short == usage);
        bits |= 1 << at.ok_or_else(|| X509Error::bad(format!("Unknown key usage \"{usage}\"")))?;
    }
    if bits & 0x180 != 0 && bits & 0x10 == 0 {
        return Err(X509Error::bad("encipher_only and decipher_only can only be true when key_agreement is true"));
    }
    Ok(named_bits(bits))
}

/// The usages of a `keyUsage`, sorted as community.crypto shows them.
pub(crate) fn shown_key_usage(value: &[u8]) -> Result<Vec<&'static str>, X509Error> {
    let bits = read_bits(value)?;
    let mut shown: Vec<&str> =
        USAGES.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0).map(|(_, (shown, _))| *shown).collect();
    shown.sort_unstable();
    Ok(shown)
}

/// `extendedKeyUsage`.
pub(crate) fn extended_key_usage(usages: &[&str]) -> Result<Vec<u8>, X509Error> {
    let mut parts = Vec::new();
    for usage in usages {
        parts.extend(der::oid(&oid::find(usage)?)?);
    }
    Ok(der::tlv(der::SEQUENCE, &parts))
}

/// Dotted identifiers of an `extendedKeyUsage`.
pub(crate) fn extended_usages(value: &[u8]) -> Result<Vec<String>, X509Error> {
    Reader::new(value).inside(der::SEQUENCE)?.items()?.iter().map(|item| der::dotted(item.content)).collect()
}

/// Whether it is an authority, and how long the path below it may be.
pub(crate) fn parse_constraints(constraints: &[&str]) -> Result<(bool, Option<u32>), X509Error> {
    let (mut ca, mut length) = (false, None);
    for constraint in constraints {
        match constraint.split_once(':') {
            Some(("CA", "TRUE")) => ca = true,
            Some(("CA", "FALSE")) => ca = false,
            Some(("CA", other)) => {
                return Err(X509Error::bad(format!("Unknown basic constraint value \"{other}\" for CA")));
            }
            Some(("pathlen", number)) => {
                length = Some(number.trim().parse().map_err(|_| {
                    X509Error::bad(format!(
                        "Cannot parse path length constraint \"{number}\" (invalid literal for int() with base 10: {})",
                        crate::convert::quoted(number)
                    ))
                })?);
            }
            _ => return Err(X509Error::bad(format!("Unknown basic constraint \"{constraint}\""))),
        }
    }
    if length.is_some() && !ca {
        return Err(X509Error::bad("path_length must be None when ca is False"));
    }
    Ok((ca, length))
}

/// `basicConstraints`.
pub(crate) fn basic_constraints(ca: bool, length: Option<u32>) -> Vec<u8> {
    let ca = if ca { der::tlv(der::BOOLEAN, &[0xff]) } else { Vec::new() };
    let length = length.map(|length| der::unsigned(&length.to_be_bytes())).unwrap_or_default();
    der::sequence(&[&ca, &length])
}

/// What [`basic_constraints`] wrote.
pub(crate) fn read_constraints(value: &[u8]) -> Result<(bool, Option<u64>), X509Error> {
    let mut reader = Reader::new(value).inside(der::SEQUENCE)?;
    let ca = reader.optional(der::BOOLEAN)?.is_some_and(|value| value != [0]);
    let length = if reader.is_empty() { None } else { der::small(reader.unsigned()?) };
    Ok((ca, length))
}

/// `tlsFeature` with `status_request`: OCSP must staple.
pub(crate) fn must_staple() -> Vec<u8> {
    der::sequence(&[&der::unsigned(&[5])])
}

/// Whether a `tlsFeature` asks for stapling.
pub(crate) fn staples(value: &[u8]) -> Result<bool, X509Error> {
    let items = Reader::new(value).inside(der::SEQUENCE)?.items()?;
    Ok(items.iter().any(|item| item.content == [5]))
}

/// `nameConstraints`.
pub(crate) fn name_constraints(permitted: &[&str], excluded: &[&str]) -> Result<Vec<u8>, X509Error> {
    let mut parts = Vec::new();
    for (number, names, what) in
        [(0, permitted, "name constraints permitted"), (1, excluded, "name constraints excluded")]
    {
        if names.is_empty() {
            continue;
        }
        let mut trees = Vec::new();
        for name in names {
            trees.extend(der::sequence(&[&name::encode_general(name, what)?]));
        }
        parts.extend(der::tlv(der::context(number), &trees));
    }
    Ok(der::tlv(der::SEQUENCE, &parts))
}

/// Permitted and excluded names of a `nameConstraints`.
pub(crate) fn read_name_constraints(value: &[u8]) -> Result<[Vec<String>; 2], X509Error> {
    let mut reader = Reader::new(value).inside(der::SEQUENCE)?;
    let mut both = [Vec::new(), Vec::new()];
    for (number, names) in both.iter_mut().enumerate() {
        let Some(trees) = reader.optional(der::context(number as u8))? else { continue };
        for tree in Reader::new(trees).items()? {
            names.push(name::decode_general(&Reader::new(tree.content).next()?)?);
        }
    }
    Ok(both)
}

/// Whose key signed: `authorityKeyIdentifier`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Authority {
    pub(crate) key: Option<Vec<u8>>,
    /// Names as people write them.
    pub(crate) issuer: Option<Vec<String>>,
    /// Big-endian.
    pub(crate) serial: Option<Vec<u8>>,
}

impl Authority {
    pub(crate) fn encode(&self) -> Result<Vec<u8>, X509Error> {
        let mut parts = Vec::new();
        if let Some(key) = &self.key {
            parts.extend(der::tlv(der::implicit(0), key));
        }
        if let Some(issuer) = &self.issuer {
            let names: Vec<&str> = issuer.iter().map(String::as_str).collect();
            parts.extend(der::tlv(der::context(1), &encode_names(&names, "authority cert issuer")?));
        }
        if let Some(serial) = &self.serial {
            let mut number = der::unsigned(serial);
            number[0] = der::implicit(2);
            parts.extend(number);
        }
        Ok(der::tlv(der::SEQUENCE, &parts))
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Self, X509Error> {
        let mut reader = Reader::new(value).inside(der::SEQUENCE)?;
        let key = reader.optional(der::implicit(0))?.map(<[u8]>::to_vec);
        let issuer = reader.optional(der::context(1))?.map(|names| general_names(Reader::new(names))).transpose()?;
        let serial = reader.optional(der::implicit(2))?.map(|number| {
            let start = number.iter().position(|b| *b != 0).unwrap_or(number.len());
            number[start..].to_vec()
        });
        Ok(Self { key, issuer, serial })
    }
}

/// One place where revoked certificates are listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct DistributionPoint<'a> {
    pub(crate) full_name: Option<Vec<&'a str>>,
    pub(crate) relative_name: Option<Vec<&'a str>>,
    pub(crate) crl_issuer: Option<Vec<&'a str>>,
    pub(crate) reasons: Option<Vec<&'a str>>,
}

/// Reasons in the order of their bits; the first bit has no meaning.
const REASONS: [&str; 9] = [
    "",
    "key_compromise",
    "ca_compromise",
    "affiliation_changed",
    "superseded",
    "cessation_of_operation",
    "certificate_hold",
    "privilege_withdrawn",
    "aa_compromise",
];

impl DistributionPoint<'_> {
    fn encode(&self) -> Result<Vec<u8>, X509Error> {
        let mut parts = Vec::new();
        let empty = |name: &str| X509Error::bad(format!("{name} must not be empty"));
        let point = match (&self.full_name, &self.relative_name) {
            (Some(names), _) if names.is_empty() => return Err(empty("full_name")),
            (_, Some(names)) if names.is_empty() => return Err(empty("relative_name")),
            (Some(names), _) => Some(der::tlv(der::context(0), &encode_names(names, "full name")?)),
            (None, Some(parts)) => Some(der::tlv(der::context(1), &name::encode_relative(parts)?)),
            (None, None) => None,
        };
        if let Some(point) = point {
            parts.extend(der::tlv(der::context(0), &point));
        }
        if let Some(reasons) = &self.reasons {
            let bits = reasons.iter().filter_map(|reason| REASONS.iter().position(|known| known == reason));
            let mut bits = named_bits(bits.fold(0, |bits, at| bits | 1 << at));
            bits[0] = der::implicit(1);
            parts.extend(bits);
        }
        if let Some(issuer) = &self.crl_issuer {
            if issuer.is_empty() {
                return Err(empty("crl_issuer"));
            }
            parts.extend(der::tlv(der::context(2), &encode_names(issuer, "CRL issuer")?));
        }
        Ok(der::tlv(der::SEQUENCE, &parts))
    }
}

/// `cRLDistributionPoints`.
pub(crate) fn distribution_points(points: &[DistributionPoint<'_>]) -> Result<Vec<u8>, X509Error> {
    let mut parts = Vec::new();
    for (index, point) in points.iter().enumerate() {
        parts.extend(point.encode().map_err(|error| {
            X509Error::bad(format!("Error while parsing CRL distribution point #{index}: {error}"))
        })?);
    }
    Ok(der::tlv(der::SEQUENCE, &parts))
}

/// The first URI of this method in an `authorityInfoAccess`.
pub(crate) fn access_uri(value: &[u8], method: &str) -> Result<Option<String>, X509Error> {
    for description in Reader::new(value).inside(der::SEQUENCE)?.items()? {
        let mut reader = Reader::new(description.content);
        let found = reader.oid()?;
        let location: Item<'_> = reader.next()?;
        if found == method && location.tag == der::implicit(6) {
            return Ok(Some(String::from_utf8_lossy(location.content).into_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usages_are_the_shortest_bits() {
        assert_eq!(key_usage(&["digitalSignature", "Key Encipherment"]).unwrap(), [3, 2, 5, 0xa0]);
        assert_eq!(key_usage(&["keyAgreement", "decipherOnly"]).unwrap(), [3, 3, 7, 0x08, 0x80]);
        assert_eq!(
            shown_key_usage(&key_usage(&["keyCertSign", "cRLSign"]).unwrap()).unwrap(),
            ["CRL Sign", "Certificate Sign"]
        );
        assert!(key_usage(&["decipherOnly"]).is_err());
        assert_eq!(key_usage(&["nothing"]).unwrap_err().to_string(), "Unknown key usage \"nothing\"");
    }

    #[test]
    fn values_come_back() {
        let (ca, length) = parse_constraints(&["CA:TRUE", "pathlen:3"]).unwrap();
        assert_eq!(read_constraints(&basic_constraints(ca, length)).unwrap(), (true, Some(3)));
        assert_eq!(read_constraints(&basic_constraints(false, None)).unwrap(), (false, None));
        assert!(parse_constraints(&["CA:maybe"]).is_err() && parse_constraints(&["x"]).is_err());
        assert!(staples(&must_staple()).unwrap());
        let constraints = name_constraints(&["DNS:a"], &["DNS:b", "IP:10.0.0.0/8"]).unwrap();
        assert_eq!(read_name_constraints(&constraints).unwrap(), [vec!["DNS:a"], vec!["DNS:b", "IP:10.0.0.0/8"]]);
        let authority =
            Authority { key: Some(vec![1, 2]), issuer: Some(vec!["DNS:x".into()]), serial: Some(vec![200]) };
        assert_eq!(Authority::decode(&authority.encode().unwrap()).unwrap(), authority);
        let point = DistributionPoint {
            full_name: Some(vec!["URI:http://x/"]),
            reasons: Some(vec!["key_compromise", "aa_compromise"]),
            ..DistributionPoint::default()
        };
        let hex = distribution_points(&[point]).unwrap().iter().fold(String::new(), |t, b| format!("{t}{b:02x}"));
        assert_eq!(hex, "30163014a00da00b8609687474703a2f2f782f8103074080");
    }
}
