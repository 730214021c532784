//! Keeps a private key: RSA, an elliptic curve, Ed25519 or X25519.
//!
//! Options:
//! - `path` (path, required), `state` (`present` or `absent`, default `present`).
//! - `type` (default `RSA`): `RSA`, `ECC`, `Ed25519`, `X25519`; `DSA`, `Ed448` and `X448` only through Python.
//! - `size` (int, default 4096): bits of an RSA key; `curve`: secp256r1, secp384r1, secp521r1, secp256k1, others
//!   only through Python.
//! - `passphrase` (secret), `cipher` (`auto`, the only one): the key is encrypted with AES-256.
//! - `format` (`auto_ignore`, `auto`, `pkcs1`, `pkcs8`, `raw`), `format_mismatch` (`regenerate` or `convert`).
//! - `regenerate` (`full_idempotence`, `partial_idempotence`, `never`, `fail`, `always`), `force` (bool).
//! - `backup`, `return_content` (bool), `select_crypto_backend` (`auto` or `cryptography`; both mean what is here).
//! - Those of every file module: `owner`, `group`, `mode` (default 0600), ...
//!
//! Returns: `type`, `size`, `curve`, `fingerprint`, `filename`, `backup_file`, `privatekey`.
//!
//! Check and diff mode: yes.
//!
//! Example:
//! ```yaml
//! - community.crypto.openssl_privatekey:
//!     path: /etc/ssl/private/host.key
//!     type: ECC
//!     curve: secp384r1
//! ```

use base64::Engine as _;
use rplay_protocol::Reply;
use rplay_value::{Map, Value};
use zeroize::Zeroizing;

use crate::x509::X509Error;
use crate::x509::file::KeptFile;
use crate::x509::fingerprint;
use crate::x509::info::{self, Fingerprints};
use crate::x509::key::{Curve, PublicKind, bit_length};
use crate::x509::pem::{self, Form};
use crate::x509::private_key::PrivateKey;
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `community.crypto.openssl_privatekey`
pub static MODULE: Module = Module {
    name: "openssl_privatekey",
    collection: "community.crypto",
    spec: &ArgSpec {
        args: &[
            Arg::int("size").default("4096"),
            Arg::text("type").default("RSA").choices(&["DSA", "ECC", "Ed25519", "Ed448", "RSA", "X25519", "X448"]),
            Arg::text("curve").choices(&[
                "secp224r1",
                "secp256k1",
                "secp256r1",
                "secp384r1",
                "secp521r1",
                "secp192r1",
                "brainpoolP256r1",
                "brainpoolP384r1",
                "brainpoolP512r1",
                "sect163k1",
                "sect163r2",
                "sect233k1",
                "sect233r1",
                "sect283k1",
                "sect283r1",
                "sect409k1",
                "sect409r1",
                "sect571k1",
                "sect571r1",
            ]),
            Arg::text("passphrase").no_log(),
            Arg::text("cipher").default("auto"),
            Arg::text("format").default("auto_ignore").choices(&["pkcs1", "pkcs8", "raw", "auto", "auto_ignore"]),
            Arg::text("format_mismatch").default("regenerate").choices(&["regenerate", "convert"]),
            Arg::text("select_crypto_backend").default("auto").choices(&["auto", "cryptography"]),
            Arg::text("regenerate").default("full_idempotence").choices(&[
                "never",
                "fail",
                "partial_idempotence",
                "full_idempotence",
                "always",
            ]),
            Arg::text("state").default("present").choices(&["present", "absent"]),
            Arg::bool("force").default("false"),
            Arg::path("path").required(),
            Arg::bool("backup").default("false"),
            Arg::bool("return_content").default("false"),
        ],
        file: true,
        required_if: &[("type", "ECC", &["curve"])],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

/// Whether a call with these arguments needs the Python module.
pub(crate) fn is_beyond(args: &Map) -> bool {
    let text = |name: &str| args.get(name).and_then(Value::as_str);
    match text("type") {
        Some("DSA" | "Ed448" | "X448") => true,
        Some("ECC") => text("curve").is_some_and(|curve| Curve::find(curve).is_none()),
        _ => false,
    }
}

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let mut file = KeptFile::new(cx, args, Some(0o600));
    file.need_folder("")?;
    let task = Task { args };
    let existing = file.read()?;
    if args.need("state") == "absent" {
        file.remove(cx)?;
        return Ok(file.reply(cx, task.told(None, None), Some((Map::new(), Map::new()))));
    }
    let before = task.info(existing.as_deref());
    let mut key = existing.as_deref().and_then(|content| task.load(content).ok());
    let mut content = existing.map(Zeroizing::new);
    if task.needs_new(content.as_deref().map(Vec::as_slice), key.as_ref())? {
        file.changed = true;
        if !cx.check() {
            let new = task.generate()?;
            content = Some(task.write(cx, &mut file, &new)?);
            key = Some(new);
        }
    } else if let (Some(known), Some(old)) = (&key, &content)
        && args.need("format_mismatch") == "convert"
        && !task.has_form(old)
    {
        file.changed = true;
        if !cx.check() {
            content = Some(task.write(cx, &mut file, known)?);
        }
    }
    file.attributes(cx)?;
    let content = content.as_deref().map(Vec::as_slice);
    let after = task.info(content);
    Ok(file.reply(cx, task.told(key.as_ref(), content), Some((before, after))))
}

struct Task<'a> {
    args: &'a Args,
}

impl Task<'_> {
    fn regenerate(&self) -> &str {
        if self.args.flag("force") { "always" } else { self.args.need("regenerate") }
    }

    fn load(&self, content: &[u8]) -> Result<PrivateKey, X509Error> {
        let passphrase = self.args.text("passphrase");
        if pem::form(content) == Form::Raw {
            if passphrase.is_some() {
                return Err(X509Error::Passphrase);
            }
            return PrivateKey::from_raw(content, self.args.need("type") == "Ed25519");
        }
        PrivateKey::load(content, passphrase)
    }

    /// Whether there has to be another key; an error where `regenerate` forbids it.
    fn needs_new(&self, content: Option<&[u8]>, key: Option<&PrivateKey>) -> Result<bool, ModuleError> {
        let regenerate = self.regenerate();
        let Some(content) = content else { return Ok(true) };
        if regenerate == "always" {
            return Ok(true);
        }
        let Some(key) = key else {
            if let Err(beyond @ X509Error::Beyond(_)) = self.load(content) {
                // A good key may be in there: never replaced only because it is not understood here.
                return Err(beyond.into());
            }
            if regenerate == "full_idempotence" {
                return Ok(true);
            }
            return Err(ModuleError::msg(
                "Unable to read the key. The key is protected with a another passphrase / no passphrase or broken. \
                 Will not proceed. To force regeneration, call the module with `generate` set to \
                 `full_idempotence` or `always`, or with `force=true`.",
            ));
        };
        let may = matches!(regenerate, "partial_idempotence" | "full_idempotence");
        if regenerate != "never" && !self.fits(key)? {
            if may {
                return Ok(true);
            }
            return Err(ModuleError::msg(
                "Key has wrong type and/or size. Will not proceed. To force regeneration, call the module with \
                 `generate` set to `partial_idempotence`, `full_idempotence` or `always`, or with `force=true`.",
            ));
        }
        if self.args.need("format_mismatch") == "regenerate" && regenerate != "never" && !self.has_form(content) {
            if may {
                return Ok(true);
            }
            return Err(ModuleError::msg(
                "Key has wrong format. Will not proceed. To force regeneration, call the module with `generate` set \
                 to `partial_idempotence`, `full_idempotence` or `always`, or with `force=true`. To convert the key, \
                 set `format_mismatch` to `convert`.",
            ));
        }
        Ok(false)
    }

    fn fits(&self, key: &PrivateKey) -> Result<bool, X509Error> {
        if key.type_name() != self.args.need("type") {
            return Ok(false);
        }
        Ok(match key.public()?.kind {
            PublicKind::Rsa { n, .. } => self.args.int("size") == Some(bit_length(&n) as i64),
            PublicKind::Ec { curve, .. } => self.args.text("curve") == Some(curve.name()),
            _ => true,
        })
    }

    fn wanted_form(&self) -> Form {
        match self.args.need("format") {
            "pkcs1" => Form::Pkcs1,
            "pkcs8" => Form::Pkcs8,
            "raw" => Form::Raw,
            _ if matches!(self.args.need("type"), "RSA" | "ECC" | "DSA") => Form::Pkcs1,
            _ => Form::Pkcs8,
        }
    }

    fn has_form(&self, content: &[u8]) -> bool {
        self.args.need("format") == "auto_ignore" || pem::form(content) == self.wanted_form()
    }

    fn generate(&self) -> Result<PrivateKey, X509Error> {
        let kind = self.args.need("type");
        match kind {
            "RSA" => {
                let size = self.args.int("size").and_then(|size| usize::try_from(size).ok());
                PrivateKey::new_rsa(size.unwrap_or_default())
            }
            "ECC" => {
                let curve = self.args.need("curve");
                PrivateKey::new_ec(
                    Curve::find(curve).ok_or_else(|| X509Error::Beyond(format!("a key on the curve {curve}")))?,
                )
            }
            "Ed25519" => PrivateKey::new_ed25519(),
            "X25519" => PrivateKey::new_x25519(),
            other => Err(X509Error::Beyond(format!("a key of type {other}"))),
        }
    }

    fn write(
        &self,
        cx: &Context<'_>,
        file: &mut KeptFile<'_>,
        key: &PrivateKey,
    ) -> Result<Zeroizing<Vec<u8>>, ModuleError> {
        let passphrase = self.args.text("passphrase").filter(|passphrase| !passphrase.is_empty());
        if passphrase.is_some() && self.args.need("cipher") != "auto" {
            return Err(ModuleError::msg("Cryptography backend can only use \"auto\" for cipher option."));
        }
        let content = key.encode(self.wanted_form(), passphrase)?.ok_or_else(|| {
            let format = self.args.need("format");
            ModuleError::msg(format!(
                "Cryptography backend cannot serialize the private key in the required format \"{format}\""
            ))
        })?;
        file.write(cx, &content)?;
        Ok(content)
    }

    fn info(&self, content: Option<&[u8]>) -> Map {
        let Some(content) = content else { return Map::new() };
        let key = PrivateKey::load(content, self.args.text("passphrase"));
        key.and_then(|key| info::private_key(&key, Fingerprints::Preferred)).unwrap_or_else(|_| {
            Map::from_iter([("can_parse_key", Value::from(false)), ("key_is_consistent", Value::Null)])
        })
    }

    fn told(&self, key: Option<&PrivateKey>, content: Option<&[u8]>) -> Map {
        let public = key.and_then(|key| key.public().ok());
        let mut told = Map::from_iter([
            ("type", Value::from(self.args.need("type"))),
            ("size", Value::from(self.args.int("size"))),
            ("fingerprint", Value::from(public.map(|public| fingerprint::all(&public.spki)))),
        ]);
        if self.args.need("type") == "ECC" {
            told.insert("curve", self.args.text("curve"));
        }
        if self.args.flag("return_content") {
            let text = content.filter(|content| !content.is_empty()).map(|content| match pem::form(content) {
                Form::Raw => base64::engine::general_purpose::STANDARD.encode(content),
                _ => String::from_utf8_lossy(content).into_owned(),
            });
            told.insert("privatekey", text);
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;
    use crate::Sys as _;
    use crate::testing::{Fake, args};

    fn call(fake: &Fake, entries: &[(&'static str, &str)]) -> Reply {
        let given = || args([("path", "/key")].into_iter().chain(entries.iter().copied()));
        let predicted = fake.check("community.crypto.openssl_privatekey", given());
        let reply = fake.call("community.crypto.openssl_privatekey", given());
        assert_eq!(predicted.changed, reply.changed, "{entries:?} {:?} {:?}", predicted.data, reply.data);
        reply
    }

    #[test]
    fn a_key_is_made_once_with_mode_0600() {
        let fake = Fake::new().unwrap();
        for kind in [
            vec![("size", "1024")],
            vec![("type", "ECC"), ("curve", "secp256r1")],
            vec![("type", "Ed25519")],
            vec![("type", "X25519"), ("format", "raw")],
        ] {
            let first = call(&fake, &kind);
            assert!(first.changed && !first.failed, "{:?}", first.data);
            assert_eq!(fs_err::metadata(fake.path("/key".as_ref())).unwrap().mode() & 0o7777, 0o600);
            let again = call(&fake, &kind);
            assert!(!again.changed);
            assert_eq!(first.data.get("fingerprint"), again.data.get("fingerprint"));
        }
    }

    #[test]
    fn passphrases_and_forms_are_kept_or_converted() {
        let fake = Fake::new().unwrap();
        let base = [("type", "ECC"), ("curve", "secp256k1")];
        let with = |more: &[(&'static str, &'static str)]| [&base[..], more].concat();
        let first = call(&fake, &with(&[("passphrase", "s3cret-words")]));
        assert!(fake.read("/key").unwrap().contains("DEK-Info: AES-256-CBC,"));
        assert!(!call(&fake, &with(&[("passphrase", "s3cret-words")])).changed);
        let converted = [("passphrase", "s3cret-words"), ("format", "pkcs8"), ("format_mismatch", "convert")];
        let second = call(&fake, &with(&converted));
        assert!(second.changed && fake.read("/key").unwrap().starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
        assert_eq!(first.data.get("fingerprint"), second.data.get("fingerprint"));
        let refused = call(&fake, &with(&[("regenerate", "partial_idempotence")]));
        assert!(refused.failed && refused.data.get("msg").unwrap().to_string().starts_with("Unable to read the key."));
        assert!(call(&fake, &base).changed, "another passphrase is another key");
    }

    #[test]
    fn what_is_not_done_here_names_the_other_way() {
        let fake = Fake::new().unwrap();
        let reply = fake.call("openssl_privatekey", args([("path", "/key"), ("type", "Ed448")]));
        assert!(reply.failed && reply.data.get("msg").unwrap().to_string().contains("Python module"));
        assert!(
            is_beyond(&args([("type", "ECC"), ("curve", "brainpoolP256r1")])) && !is_beyond(&args([("size", "1")]))
        );
        fake.write("/key", "-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n").unwrap();
        let reply = call(&fake, &[("type", "Ed25519")]);
        assert!(reply.failed && fake.read("/key").unwrap().contains("DSA"), "it is left alone: {:?}", reply.data);
    }
}
