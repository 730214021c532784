//! Keeps a certificate: signed by its own key, or by an authority of one's own.
//!
//! Options:
//! - `path` (path, required), `state` (`present` or `absent`), `force`, `backup`, `return_content` (bool).
//! - `provider` (needed for `present`): `selfsigned`, `ownca`; `acme` only through Python.
//! - `privatekey_path` or `privatekey_content`, `privatekey_passphrase` (secrets).
//! - `csr_path` or `csr_content`: the request; without one a self-signed certificate has an empty name.
//! - `ignore_timestamps` (bool, default true): other times alone make no new certificate.
//! - `selfsigned_not_before` (`+0s`), `selfsigned_not_after` (`+3650d`), `selfsigned_digest` (`sha256`),
//!   `selfsigned_create_subject_key_identifier` (`create_if_not_provided`, `always_create`, `never_create`).
//! - `ownca_not_before`, `ownca_not_after`, `ownca_digest`, `ownca_create_subject_key_identifier`: the same with an authority;
//!   `ownca_create_authority_key_identifier` (bool, default true).
//! - `ownca_path` or `ownca_content`, `ownca_privatekey_path` or `ownca_privatekey_content`,
//!   `ownca_privatekey_passphrase` (secrets): the authority.
//! - `selfsigned_version`, `ownca_version` (3), `select_crypto_backend` (`auto` or `cryptography`): no choice.
//! - `acme_accountkey_path`, `acme_challenge_path`, `acme_chain`, `acme_directory`: for `acme`.
//! - Those of every file module: `owner`, `group`, `mode`, ...
//!
//! Returns: `filename`, `privatekey`, `csr`, `ca_cert`, `ca_privatekey`, `notBefore`, `notAfter`, `serial_number`,
//! `certificate`, `backup_file`.
//!
//! Check and diff mode: yes.
//!
//! Example:
//! ```yaml
//! - community.crypto.x509_certificate:
//!     path: /etc/ssl/host.crt
//!     csr_path: /etc/ssl/host.csr
//!     provider: ownca
//!     ownca_path: /etc/ssl/ca.crt
//!     ownca_privatekey_path: /etc/ssl/private/ca.key
//! ```

use jiff::civil::DateTime;
use rplay_protocol::Reply;
use rplay_value::{Map, Value};

use crate::x509::certificate::{Certificate, Plan, new_serial};
use crate::x509::extension::{self, Authority, Extension};
use crate::x509::file::{KeptFile, given, given_key};
use crate::x509::info::{self, Fingerprints};
use crate::x509::key::{Digest, PublicKey, number};
use crate::x509::private_key::PrivateKey;
use crate::x509::request::Request;
use crate::x509::{X509Error, der, when};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

const IDENTIFIERS: &[&str] = &["create_if_not_provided", "always_create", "never_create"];

/// `community.crypto.x509_certificate`
pub static MODULE: Module = Module {
    name: "x509_certificate",
    collection: "community.crypto",
    spec: &ArgSpec {
        args: &[
            Arg::text("provider").choices(&["acme", "ownca", "selfsigned"]),
            Arg::bool("force").default("false"),
            Arg::path("csr_path"),
            Arg::text("csr_content"),
            Arg::bool("ignore_timestamps").default("true"),
            Arg::text("select_crypto_backend").default("auto").choices(&["auto", "cryptography"]),
            Arg::path("privatekey_path"),
            Arg::text("privatekey_content").no_log(),
            Arg::text("privatekey_passphrase").no_log(),
            Arg::path("acme_accountkey_path"),
            Arg::path("acme_challenge_path"),
            Arg::bool("acme_chain").default("false"),
            Arg::text("acme_directory").default("https://acme-v02.api.letsencrypt.org/directory"),
            Arg::path("ownca_path"),
            Arg::text("ownca_content"),
            Arg::path("ownca_privatekey_path"),
            Arg::text("ownca_privatekey_content").no_log(),
            Arg::text("ownca_privatekey_passphrase").no_log(),
            Arg::text("ownca_digest").default("sha256"),
            Arg::int("ownca_version").default("3").choices(&["3"]),
            Arg::text("ownca_not_before").default("+0s"),
            Arg::text("ownca_not_after").default("+3650d"),
            Arg::text("ownca_create_subject_key_identifier").default("create_if_not_provided").choices(IDENTIFIERS),
            Arg::bool("ownca_create_authority_key_identifier").default("true"),
            Arg::int("selfsigned_version").default("3").choices(&["3"]),
            Arg::text("selfsigned_digest").default("sha256"),
            Arg::text("selfsigned_not_before").default("+0s").alias(&["selfsigned_notBefore"]),
            Arg::text("selfsigned_not_after").default("+3650d").alias(&["selfsigned_notAfter"]),
            Arg::text("selfsigned_create_subject_key_identifier")
                .default("create_if_not_provided")
                .choices(IDENTIFIERS),
            Arg::text("state").default("present").choices(&["present", "absent"]),
            Arg::path("path").required(),
            Arg::bool("backup").default("false"),
            Arg::bool("return_content").default("false"),
        ],
        file: true,
        exclusive: &[
            &["csr_path", "csr_content"],
            &["privatekey_path", "privatekey_content"],
            &["ownca_path", "ownca_content"],
            &["ownca_privatekey_path", "ownca_privatekey_content"],
        ],
        required_if: &[("state", "present", &["provider"])],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

/// Whether a call with these arguments needs the Python module.
pub(crate) fn is_beyond(args: &Map) -> bool {
    args.get("provider").and_then(Value::as_str) == Some("acme")
}

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let mut file = KeptFile::new(cx, args, None);
    let path = |name: &str| args.get(name).cloned().unwrap_or(Value::Null);
    let mut told = Map::from_iter([("privatekey", path("privatekey_path")), ("csr", path("csr_path"))]);
    if args.need("state") == "absent" {
        file.remove(cx)?;
        if args.flag("return_content") {
            told.insert("certificate", Value::Null);
        }
        return Ok(file.reply(cx, told, None));
    }
    file.need_folder("")?;
    let signer = Signer::new(cx, args)?;
    let mut content = file.read()?;
    let before = shown(content.as_deref());
    let mut certificate = None;
    if signer.needs_new(cx, content.as_deref())? {
        if !cx.check() {
            let new = signer.generate()?;
            let pem = new.pem().into_bytes();
            file.write(cx, &pem)?;
            content = Some(pem);
            certificate = Some(new);
        }
        file.changed = true;
    }
    file.attributes(cx)?;
    if !cx.check() && certificate.is_none() {
        certificate = content.as_deref().map(|content| Certificate::load(content, false)).transpose()?;
    }
    if signer.authority.is_some() {
        told.insert("ca_cert", path("ownca_path"));
        told.insert("ca_privatekey", path("ownca_privatekey_path"));
    }
    let (not_before, not_after, serial) = match &certificate {
        Some(certificate) => (certificate.not_before, certificate.not_after, certificate.serial.as_slice()),
        None => (signer.not_before, signer.not_after, signer.serial.as_slice()),
    };
    told.insert("notBefore", when::shown(not_before));
    told.insert("notAfter", when::shown(not_after));
    told.insert("serial_number", number(serial));
    if args.flag("return_content") {
        told.insert("certificate", content.as_deref().map(|content| String::from_utf8_lossy(content).into_owned()));
    }
    let after = shown(content.as_deref());
    Ok(file.reply(cx, told, Some((before, after))))
}

/// What a difference shows of a certificate.
fn shown(content: Option<&[u8]>) -> Map {
    let Some(content) = content else { return Map::new() };
    let certificate = Certificate::load(content, false);
    match certificate.and_then(|certificate| info::certificate(&certificate, Fingerprints::Preferred)) {
        Ok(mut told) => {
            told.insert("can_parse_certificate", true);
            told
        }
        Err(_) => Map::from_iter([("can_parse_certificate", false)]),
    }
}

/// Who signs, and what.
struct Signer<'a> {
    args: &'a Args,
    /// The request; an empty one of its own key stands for none.
    request: Request,
    /// The key that signs.
    key: PrivateKey,
    /// The authority's certificate; none for one that is self-signed.
    authority: Option<Certificate>,
    digest: Digest,
    not_before: DateTime,
    not_after: DateTime,
    serial: Vec<u8>,
    /// `create_if_not_provided`, `always_create` or `never_create`.
    identifier: &'a str,
}

impl<'a> Signer<'a> {
    fn new(cx: &Context<'_>, args: &'a Args) -> Result<Self, ModuleError> {
        let provider = args.need("provider");
        let given_one = |name: &str| {
            let (path, content) = (format!("{name}_path"), format!("{name}_content"));
            if args.get(&path).is_some() || args.get(&content).is_some() {
                return Ok(());
            }
            Err(ModuleError::msg(format!("One of {path} and {content} must be specified for the {provider} provider.")))
        };
        match provider {
            "selfsigned" => given_one("privatekey")?,
            "ownca" => {
                given_one("ownca")?;
                given_one("ownca_privatekey")?;
            }
            other => return Err(X509Error::Beyond(format!("the provider {other}")).into()),
        }
        let own = |name: &str| format!("{provider}_{name}");
        let time = |name: &str| when::option(args.need(&own(name)), &own(name));
        let (not_before, not_after) = (time("not_before")?, time("not_after")?);
        let exists = |name: &str, what: &str| match args.text(name) {
            Some(path) if !cx.path(path).exists() => {
                Err(ModuleError::msg(format!("The {what} file {path} does not exist")))
            }
            _ => Ok(()),
        };
        let (request, key, authority) = if provider == "selfsigned" {
            exists("csr_path", "certificate signing request")?;
            exists("privatekey_path", "private key")?;
            let key = given_key(cx, args, "privatekey")?;
            let key = key.ok_or_else(|| ModuleError::msg("Private key has not been provided"))?;
            if !key.signs() {
                return Err(ModuleError::msg("Private key cannot be used to sign certificates"));
            }
            (None, key, None)
        } else {
            if args.text("csr_content").is_none() && args.text("csr_path").is_none() {
                return Err(ModuleError::msg("csr_path or csr_content is required for ownca provider"));
            }
            exists("csr_path", "certificate signing request")?;
            exists("ownca_path", "CA certificate")?;
            exists("ownca_privatekey_path", "CA private key")?;
            let request = given_request(cx, args)?;
            let certificate = Certificate::load(&given(cx, args, "ownca")?.unwrap_or_default(), false)?;
            let key = given_key(cx, args, "ownca_privatekey")?;
            let key = key.ok_or_else(|| ModuleError::msg("Must provide either path or content"))?;
            if !key.signs() {
                let kind = key.type_name();
                return Err(ModuleError::msg(format!("Key of type {kind} not supported for issuing certificates")));
            }
            if certificate.key != key.public()? {
                return Err(ModuleError::msg("The CA private key does not belong to the CA certificate"));
            }
            (request, key, Some(certificate))
        };
        let digest = digest(args.need(&own("digest")), &key)?;
        let request = match request {
            Some(request) => request,
            None => match given_request(cx, args)? {
                Some(request) => request,
                None => Request::sign(&[], &[], &key, digest)?,
            },
        };
        let identifier = args.need(match provider {
            "selfsigned" => "selfsigned_create_subject_key_identifier",
            _ => "ownca_create_subject_key_identifier",
        });
        let serial = new_serial()?;
        Ok(Self { args, request, key, authority, digest, not_before, not_after, serial, identifier })
    }

    /// The key that the certificate is about.
    fn subject_key(&self) -> Result<PublicKey, X509Error> {
        if self.authority.is_some() { Ok(self.request.key.clone()) } else { self.key.public() }
    }

    fn names_authority(&self) -> bool {
        self.authority.is_some() && self.args.flag("ownca_create_authority_key_identifier")
    }

    /// The identifier of the authority's key, as the extension has it.
    fn authority_value(authority: &Certificate) -> Result<Vec<u8>, X509Error> {
        let key = match extension::find(&authority.extensions, extension::SUBJECT_KEY_IDENTIFIER) {
            Some(own) => der::Reader::new(&own.value).expect(der::OCTET_STRING)?.to_vec(),
            None => authority.key.identifier()?,
        };
        Authority { key: Some(key), ..Authority::default() }.encode()
    }

    fn generate(&self) -> Result<Certificate, X509Error> {
        let key = self.subject_key()?;
        let mut extensions: Vec<Extension> = Vec::new();
        let mut has_own = false;
        for found in &self.request.extensions {
            if found.oid == extension::SUBJECT_KEY_IDENTIFIER {
                if self.identifier == "always_create" {
                    continue;
                }
                has_own = true;
            }
            if found.oid == extension::AUTHORITY_KEY_IDENTIFIER && self.names_authority() {
                continue;
            }
            extensions.push(found.clone());
        }
        if !has_own && self.identifier != "never_create" {
            let value = der::tlv(der::OCTET_STRING, &key.identifier()?);
            extensions.push(Extension::new(extension::SUBJECT_KEY_IDENTIFIER, false, value));
        }
        if let Some(authority) = self.authority.as_ref().filter(|_| self.names_authority()) {
            let value = Self::authority_value(authority)?;
            extensions.push(Extension::new(extension::AUTHORITY_KEY_IDENTIFIER, false, value));
        }
        let issuer = self.authority.as_ref().map_or(&self.request.subject, |authority| &authority.subject);
        let plan = Plan {
            issuer,
            subject: &self.request.subject,
            serial: &self.serial,
            not_before: self.not_before,
            not_after: self.not_after,
            key: &key,
            extensions: &extensions,
        };
        Certificate::sign(&plan, &self.key, self.digest)
    }

    fn needs_new(&self, cx: &Context<'_>, content: Option<&[u8]>) -> Result<bool, X509Error> {
        let Some(content) = content.filter(|_| !self.args.flag("force")) else { return Ok(true) };
        let Ok(present) = Certificate::load(content, false) else { return Ok(true) };
        if let Some(key) = given_key(cx, self.args, "privatekey")?
            && key.public()? != present.key
        {
            return Ok(true);
        }
        if !self.fits_request(&present)? || !self.has_own_identifier(&present)? {
            return Ok(true);
        }
        let times = (present.not_before, present.not_after);
        if !self.args.flag("ignore_timestamps") && times != (self.not_before, self.not_after) {
            return Ok(true);
        }
        let Some(authority) = &self.authority else { return Ok(!present.is_signed_by(&self.key.public()?)?) };
        if !present.is_signed_by(&authority.key)? || authority.subject != present.issuer {
            return Ok(true);
        }
        if !self.names_authority() {
            return Ok(false);
        }
        let found = extension::find(&present.extensions, extension::AUTHORITY_KEY_IDENTIFIER);
        let expected = Self::authority_value(authority)?;
        Ok(found.is_none_or(|found| found.value != expected))
    }

    fn fits_request(&self, present: &Certificate) -> Result<bool, X509Error> {
        if !self.request.is_signed()? || self.request.key != present.key || self.request.subject != present.subject {
            return Ok(false);
        }
        let counts = |found: &&Extension| match found.oid.as_str() {
            extension::SUBJECT_KEY_IDENTIFIER => self.identifier == "never_create",
            extension::AUTHORITY_KEY_IDENTIFIER => !self.names_authority(),
            _ => true,
        };
        let wanted: Vec<&Extension> = self.request.extensions.iter().filter(counts).collect();
        let mut found = present.extensions.iter().filter(counts);
        Ok(found.clone().count() == wanted.len() && found.all(|found| wanted.contains(&found)))
    }

    fn has_own_identifier(&self, present: &Certificate) -> Result<bool, X509Error> {
        if self.identifier == "never_create" {
            return Ok(true);
        }
        let Some(found) = extension::find(&present.extensions, extension::SUBJECT_KEY_IDENTIFIER) else {
            return Ok(false);
        };
        let wanted = extension::find(&self.request.extensions, extension::SUBJECT_KEY_IDENTIFIER);
        match wanted.filter(|_| self.identifier == "create_if_not_provided") {
            Some(wanted) => Ok(wanted.value == found.value),
            None => Ok(found.value == der::tlv(der::OCTET_STRING, &present.key.identifier()?)),
        }
    }
}

fn given_request(cx: &Context<'_>, args: &Args) -> Result<Option<Request>, X509Error> {
    given(cx, args, "csr")?.map(|content| Request::load(&content)).transpose()
}

fn digest(name: &str, key: &PrivateKey) -> Result<Digest, X509Error> {
    if !key.wants_digest() {
        return Ok(Digest::Sha512);
    }
    match Digest::find(name) {
        None if name != "md5" => {
            Err(X509Error::bad(format!("The digest {name} is not supported with the cryptography backend")))
        }
        None | Some(Digest::Sha1) => {
            Err(X509Error::bad(format!("Hash algorithm \"{name}\" not supported for signatures")))
        }
        Some(digest) => Ok(digest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, args};

    fn call(fake: &Fake, module: &str, entries: &[(&'static str, &str)]) -> Reply {
        let given = || args(entries.iter().copied());
        let predicted = fake.check(module, given());
        let reply = fake.call(module, given());
        assert!(!reply.failed, "{:?}", reply.data);
        assert_eq!(predicted.changed, reply.changed, "{:?}", predicted.data);
        reply
    }

    /// Keys and requests of an authority and of a host.
    fn system() -> Fake {
        let fake = Fake::new().unwrap();
        for (key, csr, more) in [
            ("/ca.key", "/ca.csr", vec![("common_name", "CA"), ("basic_constraints", "CA:TRUE")]),
            ("/host.key", "/host.csr", vec![("common_name", "host")]),
        ] {
            call(&fake, "openssl_privatekey", &[("path", key), ("type", "ECC"), ("curve", "secp384r1")]);
            call(&fake, "openssl_csr", &[&[("path", csr), ("privatekey_path", key)], more.as_slice()].concat());
        }
        fake
    }

    #[test]
    fn an_authority_signs_itself_and_then_a_host() {
        let fake = system();
        let own =
            [("path", "/ca.crt"), ("csr_path", "/ca.csr"), ("privatekey_path", "/ca.key"), ("provider", "selfsigned")];
        assert!(call(&fake, "x509_certificate", &own).changed);
        assert!(!call(&fake, "x509_certificate", &own).changed);
        let host = [
            ("path", "/host.crt"),
            ("csr_path", "/host.csr"),
            ("provider", "ownca"),
            ("ownca_path", "/ca.crt"),
            ("ownca_privatekey_path", "/ca.key"),
            ("ownca_not_after", "20491231235959Z"),
        ];
        let first = call(&fake, "x509_certificate", &host);
        assert!(first.changed);
        assert_eq!(first.data.get("notAfter").unwrap().to_string(), "20491231235959Z");
        let again = call(&fake, "x509_certificate", &host);
        assert_eq!((again.changed, again.data.get("serial_number")), (false, first.data.get("serial_number")));
        let told =
            fake.call("x509_certificate_info", args([("path", "/host.crt"), ("valid_at", "then=20300101000000Z")]));
        assert_eq!(told.data.get("issuer"), Some(&Map::from_iter([("commonName", "CA")]).into()));
        assert_eq!(told.data.get("valid_at"), Some(&Map::from_iter([("then", true)]).into()));
        assert_eq!(told.data.get("version").unwrap().as_int(), Some(3));
        // Another authority's key, and another request.
        call(
            &fake,
            "openssl_csr",
            &[("path", "/host.csr"), ("privatekey_path", "/host.key"), ("common_name", "other")],
        );
        assert!(call(&fake, "x509_certificate", &host).changed);
        assert!(call(&fake, "x509_certificate", &[("path", "/host.crt"), ("state", "absent")]).changed);
        assert!(!call(&fake, "x509_certificate", &[("path", "/host.crt"), ("state", "absent")]).changed);
    }

    #[test]
    fn errors_are_community_cryptos() {
        let fake = system();
        let error = |entries: &[(&'static str, &str)]| {
            let reply = fake.call("x509_certificate", args(entries.iter().copied().chain([("path", "/x.crt")])));
            assert!(reply.failed);
            reply.data.get("msg").unwrap().to_string()
        };
        assert_eq!(
            error(&[("provider", "selfsigned")]),
            "One of privatekey_path and privatekey_content must be specified for the selfsigned provider."
        );
        let own = [("provider", "selfsigned"), ("privatekey_path", "/ca.key")];
        assert_eq!(
            error(&[&own[..], &[("csr_path", "/none")]].concat()),
            "The certificate signing request file /none does not exist"
        );
        assert_eq!(
            error(&[&own[..], &[("selfsigned_not_after", "soon")]].concat()),
            "The time spec \"soon\" for selfsigned_not_after is invalid"
        );
        assert_eq!(
            error(&[&own[..], &[("selfsigned_digest", "x")]].concat()),
            "The digest x is not supported with the cryptography backend"
        );
        assert!(error(&[("provider", "acme")]).contains("Python module"));
        call(&fake, "x509_certificate", &[&own[..], &[("path", "/ca.crt"), ("csr_path", "/ca.csr")]].concat());
        assert_eq!(
            error(&[
                ("provider", "ownca"),
                ("csr_path", "/host.csr"),
                ("ownca_path", "/ca.crt"),
                ("ownca_privatekey_path", "/host.key")
            ]),
            "The CA private key does not belong to the CA certificate"
        );
    }
}
