//! Keeps a certificate signing request.
//!
//! Options:
//! - `path` (path, required), `state` (`present` or `absent`), `force`, `backup`, `return_content` (bool).
//! - `privatekey_path` or `privatekey_content`, `privatekey_passphrase` (secrets); `digest` (default `sha256`).
//! - `subject` (mapping), `subject_ordered` (list of mappings), or `country_name`, `state_or_province_name`,
//!   `locality_name`, `organization_name`, `organizational_unit_name`, `common_name`, `email_address`.
//! - `subject_alt_name` (list of `DNS:`, `IP:`, `email:`, `URI:`, `RID:`, `dirName:`, `otherName:`),
//!   `use_common_name_for_san` (default true).
//! - `key_usage`, `extended_key_usage`, `basic_constraints`, `name_constraints_permitted`,
//!   `name_constraints_excluded`, `ocsp_must_staple`.
//! - `*_critical` (bool): whoever does not know the extension must refuse the certificate.
//! - `create_subject_key_identifier`, `subject_key_identifier`, `authority_key_identifier`,
//!   `authority_cert_issuer`, `authority_cert_serial_number`, `crl_distribution_points`.
//! - `version` (1), `select_crypto_backend` (`auto` or `cryptography`): no choice.
//! - Those of every file module: `owner`, `group`, `mode`, ...
//!
//! Names of hosts that are not ASCII go only through Python.
//!
//! Returns: `privatekey`, `filename`, `subject`, `subjectAltName`, `keyUsage`, `extendedKeyUsage`,
//! `basicConstraints`, `ocspMustStaple`, `name_constraints_permitted`, `name_constraints_excluded`, `csr`,
//! `backup_file`.
//!
//! Check and diff mode: yes.
//!
//! Example:
//! ```yaml
//! - community.crypto.openssl_csr:
//!     path: /etc/ssl/host.csr
//!     privatekey_path: /etc/ssl/private/host.key
//!     common_name: host.example.com
//!     key_usage: [digitalSignature, keyEncipherment]
//! ```

use num_bigint::BigInt;
use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use crate::x509::extension::{self, Authority, DistributionPoint, Extension};
use crate::x509::file::{KeptFile, given_key};
use crate::x509::info::{self, Fingerprints};
use crate::x509::key::Digest;
use crate::x509::name::Attribute;
use crate::x509::private_key::PrivateKey;
use crate::x509::request::Request;
use crate::x509::{X509Error, der, encryption};
use crate::{Arg, ArgSpec, Args, Context, Kind, Module, ModuleError, Support};

/// `community.crypto.openssl_csr`
pub static MODULE: Module = Module {
    name: "openssl_csr",
    collection: "community.crypto",
    spec: &ArgSpec {
        args: &[
            Arg::text("digest").default("sha256"),
            Arg::path("privatekey_path"),
            Arg::text("privatekey_content").no_log(),
            Arg::text("privatekey_passphrase").no_log(),
            Arg::int("version").default("1").choices(&["1"]),
            Arg::map("subject"),
            Arg::list("subject_ordered").elements(Kind::Map),
            Arg::text("country_name").alias(&["C", "countryName"]),
            Arg::text("state_or_province_name").alias(&["ST", "stateOrProvinceName"]),
            Arg::text("locality_name").alias(&["L", "localityName"]),
            Arg::text("organization_name").alias(&["O", "organizationName"]),
            Arg::text("organizational_unit_name").alias(&["OU", "organizationalUnitName"]),
            Arg::text("common_name").alias(&["CN", "commonName"]),
            Arg::text("email_address").alias(&["E", "emailAddress"]),
            Arg::list("subject_alt_name").alias(&["subjectAltName"]),
            Arg::bool("subject_alt_name_critical").default("false").alias(&["subjectAltName_critical"]),
            Arg::bool("use_common_name_for_san").default("true").alias(&["useCommonNameForSAN"]),
            Arg::list("key_usage").alias(&["keyUsage"]),
            Arg::bool("key_usage_critical").default("false").alias(&["keyUsage_critical"]),
            Arg::list("extended_key_usage").alias(&["extKeyUsage", "extendedKeyUsage"]),
            Arg::bool("extended_key_usage_critical")
                .default("false")
                .alias(&["extKeyUsage_critical", "extendedKeyUsage_critical"]),
            Arg::list("basic_constraints").alias(&["basicConstraints"]),
            Arg::bool("basic_constraints_critical").default("false").alias(&["basicConstraints_critical"]),
            Arg::bool("ocsp_must_staple").default("false").alias(&["ocspMustStaple"]),
            Arg::bool("ocsp_must_staple_critical").default("false").alias(&["ocspMustStaple_critical"]),
            Arg::list("name_constraints_permitted"),
            Arg::list("name_constraints_excluded"),
            Arg::bool("name_constraints_critical").default("false"),
            Arg::bool("create_subject_key_identifier").default("false"),
            Arg::text("subject_key_identifier"),
            Arg::text("authority_key_identifier"),
            Arg::list("authority_cert_issuer"),
            Arg::int("authority_cert_serial_number"),
            Arg::list("crl_distribution_points").elements(Kind::Map).options(&ArgSpec {
                args: &[
                    Arg::list("full_name"),
                    Arg::list("relative_name"),
                    Arg::list("crl_issuer"),
                    Arg::list("reasons").choices(&[
                        "key_compromise",
                        "ca_compromise",
                        "affiliation_changed",
                        "superseded",
                        "cessation_of_operation",
                        "certificate_hold",
                        "privilege_withdrawn",
                        "aa_compromise",
                    ]),
                ],
                exclusive: &[&["full_name", "relative_name"]],
                one_of: &[&["full_name", "relative_name", "crl_issuer"]],
                ..ArgSpec::EMPTY
            }),
            Arg::text("select_crypto_backend").default("auto").choices(&["auto", "cryptography"]),
            Arg::text("state").default("present").choices(&["absent", "present"]),
            Arg::bool("force").default("false"),
            Arg::path("path").required(),
            Arg::bool("backup").default("false"),
            Arg::bool("return_content").default("false"),
        ],
        file: true,
        together: &[&["authority_cert_issuer", "authority_cert_serial_number"]],
        exclusive: &[&["privatekey_path", "privatekey_content"], &["subject", "subject_ordered"]],
        required_if_any: &[("state", "present", &["privatekey_path", "privatekey_content"])],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

/// Whether a call with these arguments needs the Python module.
pub(crate) fn is_beyond(args: &Map) -> bool {
    let names = ["subject_alt_name", "subjectAltName", "common_name", "CN", "commonName"];
    names.iter().filter_map(|name| args.get(name)).any(|value| match value {
        Value::List(list) => list.iter().any(|item| !item.to_str().is_ascii()),
        other => !other.to_str().is_ascii(),
    })
}

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let mut file = KeptFile::new(cx, args, None);
    file.need_folder("")?;
    let task = Task::new(args)?;
    let existing = file.read()?;
    if args.need("state") == "absent" {
        file.remove(cx)?;
        return Ok(file.reply(cx, task.told(None), Some((Map::new(), Map::new()))));
    }
    let before = shown(existing.as_deref());
    let mut content = existing;
    if args.flag("force") || task.needs_new(cx, content.as_deref())? {
        if !cx.check() {
            let key = task.key(cx)?;
            let new = task.generate(&key)?.pem().into_bytes();
            file.write(cx, &new)?;
            content = Some(new);
        }
        file.changed = true;
    }
    file.attributes(cx)?;
    let after = shown(content.as_deref());
    Ok(file.reply(cx, task.told(content.as_deref()), Some((before, after))))
}

/// What a difference shows of a request.
fn shown(content: Option<&[u8]>) -> Map {
    let Some(content) = content else { return Map::new() };
    match Request::load(content).and_then(|request| info::request(&request, Fingerprints::Preferred)) {
        Ok(mut told) => {
            told.insert("can_parse_csr", true);
            told
        }
        Err(_) => Map::from_iter([("can_parse_csr", false)]),
    }
}

struct Task<'a> {
    args: &'a Args,
    /// Names as written and values.
    subject: Vec<(String, String)>,
    is_ordered: bool,
    alternative: Option<Vec<String>>,
    own_identifier: Option<Vec<u8>>,
    authority: Authority,
}

impl<'a> Task<'a> {
    fn new(args: &'a Args) -> Result<Self, ModuleError> {
        let own = args.text("subject_key_identifier");
        if args.flag("create_subject_key_identifier") && own.is_some() {
            return Err(ModuleError::msg(
                "subject_key_identifier cannot be specified if create_subject_key_identifier is true",
            ));
        }
        let (subject, is_ordered) = subject(args)?;
        let mut alternative = args.list("subject_alt_name").map(|_| strings(args, "subject_alt_name"));
        if alternative.as_ref().is_none_or(Vec::is_empty) && args.flag("use_common_name_for_san") {
            let common = subject.iter().find(|(name, _)| matches!(name.as_str(), "commonName" | "CN"));
            alternative = common.map(|(_, value)| vec![format!("DNS:{value}")]).or(alternative);
        }
        let hex = |name: &str| -> Result<Option<Vec<u8>>, X509Error> {
            let Some(text) = args.text(name) else { return Ok(None) };
            encryption::unhex(&text.replace(':', "")).map(Some).ok_or_else(|| {
                let odd = text.replace(':', "").len() % 2 == 1;
                let why = if odd { "Odd-length string" } else { "Non-hexadecimal digit found" };
                X509Error::bad(format!("Cannot parse {name}: {why}"))
            })
        };
        let authority = Authority {
            key: hex("authority_key_identifier")?,
            issuer: args.list("authority_cert_issuer").map(|_| strings(args, "authority_cert_issuer")),
            serial: serial(args.get("authority_cert_serial_number"))?,
        };
        let own_identifier = hex("subject_key_identifier")?;
        Ok(Self { args, subject, is_ordered, alternative, own_identifier, authority })
    }

    fn key(&self, cx: &Context<'_>) -> Result<PrivateKey, X509Error> {
        let key = given_key(cx, self.args, "privatekey")?;
        let key = key.ok_or_else(|| X509Error::bad("Must provide either path or content"))?;
        if key.signs() {
            return Ok(key);
        }
        Err(X509Error::bad(format!("Key of type {} not supported for issuing certificates", key.type_name())))
    }

    fn attributes(&self) -> Result<Vec<Attribute>, X509Error> {
        self.subject.iter().map(|(name, value)| Attribute::new(name, value)).collect()
    }

    /// The extensions that the request must have.
    fn extensions(&self, key: &PrivateKey) -> Result<Vec<Extension>, X509Error> {
        let args = self.args;
        let mut wanted = Vec::new();
        let mut add = |oid: &str, critical: bool, value: Vec<u8>| wanted.push(Extension::new(oid, critical, value));
        if let Some(names) = self.alternative.as_deref().filter(|names| !names.is_empty()) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let value = extension::alternative_names(&names)?;
            add(extension::SUBJECT_ALT_NAME, args.flag("subject_alt_name_critical"), value);
        }
        let usages = args.texts("key_usage");
        if !usages.is_empty() {
            add(extension::KEY_USAGE, args.flag("key_usage_critical"), extension::key_usage(&usages)?);
        }
        let usages = args.texts("extended_key_usage");
        if !usages.is_empty() {
            let value = extension::extended_key_usage(&usages)?;
            add(extension::EXTENDED_KEY_USAGE, args.flag("extended_key_usage_critical"), value);
        }
        let constraints = args.texts("basic_constraints");
        if !constraints.is_empty() {
            let (ca, length) = extension::parse_constraints(&constraints)?;
            let value = extension::basic_constraints(ca, length);
            add(extension::BASIC_CONSTRAINTS, args.flag("basic_constraints_critical"), value);
        }
        if args.flag("ocsp_must_staple") {
            add(extension::TLS_FEATURE, args.flag("ocsp_must_staple_critical"), extension::must_staple());
        }
        let (permitted, excluded) = (args.texts("name_constraints_permitted"), args.texts("name_constraints_excluded"));
        if !permitted.is_empty() || !excluded.is_empty() {
            let value = extension::name_constraints(&permitted, &excluded)?;
            add(extension::NAME_CONSTRAINTS, args.flag("name_constraints_critical"), value);
        }
        let own = match &self.own_identifier {
            Some(own) => Some(own.clone()),
            None if args.flag("create_subject_key_identifier") => Some(key.public()?.identifier()?),
            None => None,
        };
        if let Some(own) = own {
            add(extension::SUBJECT_KEY_IDENTIFIER, false, der::tlv(der::OCTET_STRING, &own));
        }
        if self.authority != Authority::default() {
            add(extension::AUTHORITY_KEY_IDENTIFIER, false, self.authority.encode()?);
        }
        let points = distribution_points(args);
        if !points.is_empty() {
            add(extension::CRL_DISTRIBUTION_POINTS, false, extension::distribution_points(&points)?);
        }
        Ok(wanted)
    }

    fn generate(&self, key: &PrivateKey) -> Result<Request, X509Error> {
        let subject = self.attributes()?;
        let extensions = self.extensions(key)?;
        let digest = if key.wants_digest() { digest(self.args.need("digest"))? } else { Digest::Sha512 };
        Request::sign(&subject, &extensions, key, digest)
    }

    fn needs_new(&self, cx: &Context<'_>, content: Option<&[u8]>) -> Result<bool, X509Error> {
        let Some(content) = content else { return Ok(true) };
        let Ok(request) = Request::load(content) else { return Ok(true) };
        let key = self.key(cx)?;
        let mut wanted = self.subject.iter().map(|(name, value)| Ok((crate::x509::oid::find(name)?, value.clone())));
        let mut wanted: Vec<(String, String)> = wanted.by_ref().collect::<Result<_, X509Error>>()?;
        let mut present: Vec<_> = request.attributes.iter().map(|a| (a.oid.clone(), a.value.clone())).collect();
        if !self.is_ordered {
            for list in [&mut wanted, &mut present] {
                list.sort();
                list.dedup();
            }
        }
        if wanted != present || !same(&self.extensions(&key)?, &request.extensions)? {
            return Ok(true);
        }
        Ok(!request.is_signed()? || request.key != key.public()?)
    }

    fn told(&self, content: Option<&[u8]>) -> Map {
        let args = self.args;
        let pairs = self
            .subject
            .iter()
            .map(|(name, value)| Value::from([name.as_str(), value.as_str()].into_iter().collect::<List>()));
        let list = |name: &str| args.get(name).cloned().unwrap_or(Value::Null);
        let or_empty = |name: &str| args.get(name).cloned().unwrap_or_else(|| Value::from(List::new()));
        let alternative = self.alternative.as_ref().map(|names| names.iter().map(String::as_str).collect::<List>());
        let mut told = Map::from_iter([
            ("privatekey", list("privatekey_path")),
            ("subject", Value::from(pairs.collect::<List>())),
            ("subjectAltName", Value::from(alternative)),
            ("keyUsage", list("key_usage")),
            ("extendedKeyUsage", list("extended_key_usage")),
            ("basicConstraints", list("basic_constraints")),
            ("ocspMustStaple", list("ocsp_must_staple")),
            ("name_constraints_permitted", or_empty("name_constraints_permitted")),
            ("name_constraints_excluded", or_empty("name_constraints_excluded")),
        ]);
        if args.flag("return_content") {
            told.insert("csr", content.map(|content| String::from_utf8_lossy(content).into_owned()));
        }
        told
    }
}

/// The digest of a request; those that nobody should sign over any more are refused.
fn digest(name: &str) -> Result<Digest, X509Error> {
    match Digest::find(name) {
        Some(Digest::Sha1) => Err(X509Error::bad("Hash algorithm \"sha1\" not supported for signatures")),
        Some(digest) => Ok(digest),
        None if name == "md5" => Err(X509Error::bad("Hash algorithm \"md5\" not supported for signatures")),
        None => Err(X509Error::bad(format!("Unsupported digest \"{name}\""))),
    }
}

/// Whether a request has the wanted extensions and, of those the module knows, no others.
fn same(wanted: &[Extension], present: &[Extension]) -> Result<bool, X509Error> {
    for oid in [
        extension::SUBJECT_ALT_NAME,
        extension::KEY_USAGE,
        extension::EXTENDED_KEY_USAGE,
        extension::BASIC_CONSTRAINTS,
        extension::TLS_FEATURE,
        extension::SUBJECT_KEY_IDENTIFIER,
        extension::AUTHORITY_KEY_IDENTIFIER,
        extension::NAME_CONSTRAINTS,
        extension::CRL_DISTRIBUTION_POINTS,
    ] {
        let equal = match (extension::find(wanted, oid), extension::find(present, oid)) {
            (None, None) => true,
            (Some(wanted), Some(present)) => {
                (wanted.critical == present.critical || oid == extension::CRL_DISTRIBUTION_POINTS)
                    && means_the_same(oid, &wanted.value, &present.value)?
            }
            _ => false,
        };
        if !equal {
            return Ok(false);
        }
    }
    Ok(true)
}

fn means_the_same(oid: &str, wanted: &[u8], present: &[u8]) -> Result<bool, X509Error> {
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names.dedup();
        names
    };
    let names = |value: &[u8]| Extension::new(oid, false, value.to_vec()).names().map(sorted);
    Ok(match oid {
        extension::SUBJECT_ALT_NAME => names(wanted)? == names(present)?,
        extension::EXTENDED_KEY_USAGE => {
            sorted(extension::extended_usages(wanted)?) == sorted(extension::extended_usages(present)?)
        }
        extension::NAME_CONSTRAINTS => {
            let read = |value: &[u8]| extension::read_name_constraints(value).map(|both| both.map(sorted));
            read(wanted)? == read(present)?
        }
        extension::KEY_USAGE => extension::shown_key_usage(wanted)? == extension::shown_key_usage(present)?,
        extension::BASIC_CONSTRAINTS => extension::read_constraints(wanted)? == extension::read_constraints(present)?,
        extension::TLS_FEATURE => extension::staples(present)?,
        extension::AUTHORITY_KEY_IDENTIFIER => Authority::decode(wanted)? == Authority::decode(present)?,
        _ => wanted == present,
    })
}

fn strings(args: &Args, name: &str) -> Vec<String> {
    args.texts(name).into_iter().map(str::to_owned).collect()
}

fn serial(value: Option<&Value>) -> Result<Option<Vec<u8>>, X509Error> {
    let Some(value) = value else { return Ok(None) };
    let number: Option<BigInt> = value.to_str().parse().ok();
    let bytes = number.filter(|number| *number >= BigInt::ZERO).map(|number| number.to_bytes_be().1);
    bytes.map(Some).ok_or_else(|| X509Error::bad("authority_cert_serial_number must not be negative"))
}

fn distribution_points(args: &Args) -> Vec<DistributionPoint<'_>> {
    let points = args.list("crl_distribution_points").into_iter().flatten().filter_map(Value::as_map);
    points
        .map(|point| {
            let texts = |name: &str| {
                let list = point.get(name).and_then(Value::as_list);
                list.map(|list| list.iter().filter_map(Value::as_str).collect::<Vec<&str>>())
            };
            DistributionPoint {
                full_name: texts("full_name"),
                relative_name: texts("relative_name"),
                crl_issuer: texts("crl_issuer"),
                reasons: texts("reasons"),
            }
        })
        .collect()
}

/// Pairs of name and value, and whether their order counts.
fn subject(args: &Args) -> Result<(Vec<(String, String)>, bool), ModuleError> {
    let own = [
        ("C", "country_name"),
        ("ST", "state_or_province_name"),
        ("L", "locality_name"),
        ("O", "organization_name"),
        ("OU", "organizational_unit_name"),
        ("CN", "common_name"),
        ("emailAddress", "email_address"),
    ];
    let own = own.iter().filter_map(|(short, name)| Some((*short, args.text(name).filter(|text| !text.is_empty())?)));
    let mut subject: Vec<(String, String)> = own.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    if let Some(map) = args.map("subject") {
        subject.extend(pairs(map, "subject")?);
    }
    let Some(ordered) = args.list("subject_ordered").filter(|list| !list.is_empty()) else {
        return Ok((subject, false));
    };
    if !subject.is_empty() {
        return Err(ModuleError::msg("subject_ordered cannot be combined with any other subject field"));
    }
    for (index, entry) in ordered.iter().enumerate() {
        let number = index + 1;
        let map = entry.as_map().filter(|map| map.len() == 1).ok_or_else(|| {
            ModuleError::msg(format!(
                "Entry #{number} in subject_ordered must be a dictionary with exactly one key-value pair"
            ))
        })?;
        subject.extend(pairs(map, "subject_ordered").map_err(|error| {
            ModuleError::msg(format!("Error while processing entry #{number} in subject_ordered: {error}"))
        })?);
    }
    Ok((subject, true))
}

fn pairs(map: &Map, place: &str) -> Result<Vec<(String, String)>, ModuleError> {
    let mut pairs = Vec::new();
    for (key, value) in map {
        let key = key.to_str().into_owned();
        match value {
            Value::Text(text) if text.is_empty() => {
                return Err(ModuleError::msg(format!("Value for {key} in {place} must not be an empty string")));
            }
            Value::Text(text) => pairs.push((key, text.as_str().to_owned())),
            Value::List(list) => {
                for entry in list {
                    match entry.as_str() {
                        Some("") => {
                            let msg = format!("Values for {key} in {place} must not be empty strings");
                            return Err(ModuleError::msg(msg));
                        }
                        Some(text) => pairs.push((key.clone(), text.to_owned())),
                        None => return Err(ModuleError::msg(format!("Values {key} in {place} must be strings"))),
                    }
                }
            }
            _ => {
                let msg = format!("Value for {key} in {place} must be either a string or a list of strings");
                return Err(ModuleError::msg(msg));
            }
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, args};
    use crate::x509::key::Curve;
    use crate::x509::pem::Form;

    fn system() -> Fake {
        let fake = Fake::new().unwrap();
        let key = PrivateKey::new_ec(Curve::Secp256r1).unwrap().encode(Form::Pkcs8, None).unwrap().unwrap();
        fake.write("/key", &*key).unwrap();
        fake
    }

    fn call(fake: &Fake, entries: &[(&'static str, Value)]) -> Reply {
        let base = [("path", Value::from("/csr")), ("privatekey_path", Value::from("/key"))];
        let given = || args(base.iter().cloned().chain(entries.iter().cloned()));
        let predicted = fake.check("openssl_csr", given());
        let reply = fake.call("openssl_csr", given());
        assert!(reply.failed || predicted.changed == reply.changed, "{:?}", predicted.data);
        reply
    }

    fn list(items: &[&str]) -> Value {
        Value::from(items.iter().copied().collect::<List>())
    }

    #[test]
    fn every_extension_is_written_and_found_again() {
        let fake = system();
        let everything = [
            ("common_name", Value::from("host.example.com")),
            ("country_name", Value::from("DE")),
            ("key_usage", list(&["digitalSignature", "keyAgreement"])),
            ("key_usage_critical", Value::from(true)),
            ("extended_key_usage", list(&["serverAuth", "1.2.3.4"])),
            ("basic_constraints", list(&["CA:TRUE", "pathlen:2"])),
            ("ocsp_must_staple", Value::from(true)),
            ("name_constraints_permitted", list(&["DNS:example.com"])),
            ("create_subject_key_identifier", Value::from(true)),
            ("authority_key_identifier", Value::from("00:11:22")),
            ("authority_cert_issuer", list(&["dirName:CN=CA"])),
            ("authority_cert_serial_number", Value::from(12345)),
            (
                "crl_distribution_points",
                Value::from(List::from_iter([Value::from(Map::from_iter([("full_name", list(&["URI:http://x/"]))]))])),
            ),
        ];
        let first = call(&fake, &everything);
        assert!(first.changed && !first.failed, "{:?}", first.data);
        assert_eq!(first.data.get("subjectAltName"), Some(&list(&["DNS:host.example.com"])));
        assert!(!call(&fake, &everything).changed);
        let told = fake.call("openssl_csr_info", args([("path", "/csr")]));
        assert!(!told.failed);
        assert_eq!(told.data.get("basic_constraints"), Some(&list(&["CA:TRUE", "pathlen:2"])));
        assert_eq!(told.data.get("extended_key_usage"), Some(&list(&["1.2.3.4", "TLS Web Server Authentication"])));
        assert_eq!(told.data.get("authority_cert_issuer"), Some(&list(&["dirName:CN=CA"])));
        for left_out in 0..everything.len() {
            let mut fewer = everything.to_vec();
            let (name, _) = fewer.remove(left_out);
            if matches!(name, "authority_cert_issuer" | "authority_cert_serial_number") {
                continue;
            }
            assert!(call(&fake, &fewer).changed, "without {name}");
            assert!(call(&fake, &everything).changed);
        }
    }

    #[test]
    fn errors_are_community_cryptos() {
        let fake = system();
        let error = |name: &'static str, value: Value| {
            let reply = call(&fake, &[(name, value)]);
            assert!(reply.failed, "{name}");
            reply.data.get("msg").unwrap().to_string()
        };
        assert_eq!(error("digest", "md4".into()), "Unsupported digest \"md4\"");
        assert_eq!(
            error("subject_key_identifier", "0".into()),
            "Cannot parse subject_key_identifier: Odd-length string"
        );
        assert_eq!(error("key_usage", list(&["x"])), "Unknown key usage \"x\"");
        assert_eq!(error("country_name", "DEU".into()), "Attribute's length must be >= 2 and <= 2, but it was 3");
        assert_eq!(
            error("subject", Map::from_iter([("CN", "")]).into()),
            "Value for CN in subject must not be an empty string"
        );
        assert_eq!(error("subject", Map::from_iter([("nothing", "x")]).into()), "Cannot find OID for \"nothing\"");
        let reply = fake.call("openssl_csr", args([("path", "/csr"), ("privatekey_path", "/none")]));
        assert_eq!(reply.data.get("msg").unwrap().to_string(), "[Errno 2] No such file or directory: '/none'");
    }
}
