//! What community.crypto tells about keys, requests and certificates: for its `*_info` modules and for diffs.

use base64::Engine as _;
use rplay_value::{List, Map, Value};

use super::certificate::Certificate;
use super::extension::{self, Authority, Extension};
use super::fingerprint::{self, colons};
use super::key::{PublicKey, number};
use super::name::Attribute;
use super::private_key::PrivateKey;
use super::request::Request;
use super::{X509Error, oid, when};

const OCSP: &str = "1.3.6.1.5.5.7.48.1";
const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";

/// Which digests a fingerprint has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fingerprints {
    /// One, for diffs.
    Preferred,
    /// Every one.
    All,
}

impl Fingerprints {
    pub(crate) fn of(self, bytes: &[u8]) -> Map {
        match self {
            Self::Preferred => fingerprint::preferred(bytes),
            Self::All => fingerprint::all(bytes),
        }
    }
}

/// About a private key.
pub(crate) fn private_key(key: &PrivateKey, which: Fingerprints) -> Result<Map, X509Error> {
    let public = key.public()?;
    Ok(Map::from_iter([
        ("can_parse_key", Value::from(true)),
        ("key_is_consistent", Value::Null),
        ("public_key", Value::from(public.pem())),
        ("public_key_fingerprints", Value::from(which.of(&public.spki))),
        ("type", Value::from(public.type_name())),
        ("public_data", Value::from(public.data())),
    ]))
}

fn add_public_key(info: &mut Map, key: &PublicKey, which: Fingerprints) {
    info.insert("public_key", key.pem());
    info.insert("public_key_type", key.type_name());
    info.insert("public_key_data", key.data());
    info.insert("public_key_fingerprints", which.of(&key.spki));
}

fn add_name(info: &mut Map, key: &str, attributes: &[Attribute]) {
    let named = |attribute: &Attribute| oid::name(&attribute.oid).to_owned();
    let map: Map = attributes.iter().map(|attribute| (named(attribute), attribute.value.as_str())).collect();
    let list: List =
        attributes.iter().map(|a| Value::from([named(a), a.value.clone()].into_iter().collect::<List>())).collect();
    info.insert(key, map);
    info.insert(format!("{key}_ordered"), list);
}

fn texts<T: Into<Value>>(texts: impl IntoIterator<Item = T>) -> Value {
    Value::from(texts.into_iter().map(Into::into).collect::<List>())
}

/// A key and `KEY_critical` for an extension that may be missing.
fn add_extension(
    info: &mut Map,
    extensions: &[Extension],
    key: &str,
    oid: &str,
    read: impl Fn(&Extension) -> Result<Value, X509Error>,
) -> Result<(), X509Error> {
    let found = extension::find(extensions, oid);
    info.insert(key, found.map(read).transpose()?.unwrap_or(Value::Null));
    info.insert(format!("{key}_critical"), found.is_some_and(|extension| extension.critical));
    Ok(())
}

fn add_common(info: &mut Map, extensions: &[Extension]) -> Result<(), X509Error> {
    add_extension(info, extensions, "key_usage", extension::KEY_USAGE, |found| {
        Ok(texts(extension::shown_key_usage(&found.value)?))
    })?;
    add_extension(info, extensions, "extended_key_usage", extension::EXTENDED_KEY_USAGE, |found| {
        let usages = extension::extended_usages(&found.value)?;
        let mut usages: Vec<&str> = usages.iter().map(|usage| oid::name(usage)).collect();
        usages.sort_unstable();
        Ok(texts(usages))
    })?;
    add_extension(info, extensions, "basic_constraints", extension::BASIC_CONSTRAINTS, |found| {
        let (ca, length) = extension::read_constraints(&found.value)?;
        let mut shown = vec![format!("CA:{}", if ca { "TRUE" } else { "FALSE" })];
        shown.extend(length.map(|length| format!("pathlen:{length}")));
        Ok(texts(shown))
    })?;
    add_extension(info, extensions, "ocsp_must_staple", extension::TLS_FEATURE, |found| {
        Ok(Value::from(extension::staples(&found.value)?))
    })?;
    add_extension(info, extensions, "subject_alt_name", extension::SUBJECT_ALT_NAME, |found| Ok(texts(found.names()?)))
}

fn add_identifiers(info: &mut Map, extensions: &[Extension]) -> Result<(), X509Error> {
    let own = match extension::find(extensions, extension::SUBJECT_KEY_IDENTIFIER) {
        Some(found) => Some(super::der::Reader::new(&found.value).expect(super::der::OCTET_STRING)?),
        None => None,
    };
    info.insert("subject_key_identifier", own.map(colons));
    let authority = match extension::find(extensions, extension::AUTHORITY_KEY_IDENTIFIER) {
        Some(found) => Authority::decode(&found.value)?,
        None => Authority::default(),
    };
    info.insert("authority_key_identifier", authority.key.as_deref().map(colons));
    info.insert("authority_cert_issuer", authority.issuer.map_or(Value::Null, texts));
    info.insert("authority_cert_serial_number", authority.serial.as_deref().map_or(Value::Null, number));
    Ok(())
}

fn by_oid(extensions: &[Extension]) -> Map {
    let shown = |extension: &Extension| {
        Map::from_iter([
            ("critical", Value::from(extension.critical)),
            ("value", Value::from(base64::engine::general_purpose::STANDARD.encode(&extension.value))),
        ])
    };
    extensions.iter().map(|extension| (extension.oid.as_str(), shown(extension))).collect()
}

/// About a request.
pub(crate) fn request(request: &Request, which: Fingerprints) -> Result<Map, X509Error> {
    let mut info = Map::new();
    let extensions = &request.extensions;
    add_name(&mut info, "subject", &request.attributes);
    add_common(&mut info, extensions)?;
    let constraints = extension::find(extensions, extension::NAME_CONSTRAINTS);
    let names = constraints.map(|found| extension::read_name_constraints(&found.value)).transpose()?;
    let [permitted, excluded] = names.map_or([Value::Null, Value::Null], |names| names.map(texts));
    info.insert("name_constraints_permitted", permitted);
    info.insert("name_constraints_excluded", excluded);
    info.insert("name_constraints_critical", constraints.is_some_and(|found| found.critical));
    add_public_key(&mut info, &request.key, which);
    add_identifiers(&mut info, extensions)?;
    info.insert("extensions_by_oid", by_oid(extensions));
    info.insert("signature_valid", request.is_signed()?);
    Ok(info)
}

/// About a certificate.
pub(crate) fn certificate(certificate: &Certificate, which: Fingerprints) -> Result<Map, X509Error> {
    let mut info = Map::new();
    let extensions = &certificate.extensions;
    info.insert("signature_algorithm", oid::name(&certificate.algorithm));
    add_name(&mut info, "subject", &certificate.subject_attributes()?);
    add_name(&mut info, "issuer", &certificate.issuer_attributes()?);
    info.insert("version", certificate.version as i64);
    add_common(&mut info, extensions)?;
    info.insert("not_before", when::shown(certificate.not_before));
    info.insert("not_after", when::shown(certificate.not_after));
    info.insert("expired", certificate.not_after < when::now());
    add_public_key(&mut info, &certificate.key, which);
    info.insert("fingerprints", which.of(&certificate.der));
    add_identifiers(&mut info, extensions)?;
    info.insert("serial_number", number(&certificate.serial));
    info.insert("extensions_by_oid", by_oid(extensions));
    for (key, method) in [("ocsp_uri", OCSP), ("issuer_uri", CA_ISSUERS)] {
        let found = extension::find(extensions, extension::AUTHORITY_INFORMATION);
        info.insert(key, found.map(|found| extension::access_uri(&found.value, method)).transpose()?.flatten());
    }
    Ok(info)
}
