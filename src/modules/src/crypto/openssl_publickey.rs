//! Keeps the public half of a private key in a file.
//!
//! Options:
//! - `path` (path, required), `state` (`present` or `absent`), `force`, `backup`, `return_content` (bool).
//! - `privatekey_path` or `privatekey_content`, `privatekey_passphrase` (secrets).
//! - `format` (`PEM` or `OpenSSH`, default `PEM`).
//! - `select_crypto_backend` (`auto` or `cryptography`; both mean what is here).
//! - Those of every file module: `owner`, `group`, `mode`, ...
//!
//! Returns: `privatekey`, `filename`, `format`, `fingerprint`, `publickey`, `backup_file`.
//!
//! Check and diff mode: yes; without changes `fingerprint` is empty in check mode.
//!
//! Example:
//! ```yaml
//! - community.crypto.openssl_publickey:
//!     path: /etc/ssl/host.pub
//!     privatekey_path: /etc/ssl/private/host.key
//! ```

use base64::Engine as _;
use rplay_protocol::Reply;
use rplay_value::{Map, Value};

use crate::x509::X509Error;
use crate::x509::file::{KeptFile, given_key};
use crate::x509::info::Fingerprints;
use crate::x509::key::{Curve, PublicKey, PublicKind};
use crate::x509::pem::Pem;
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `community.crypto.openssl_publickey`
pub static MODULE: Module = Module {
    name: "openssl_publickey",
    collection: "community.crypto",
    spec: &ArgSpec {
        args: &[
            Arg::text("state").default("present").choices(&["present", "absent"]),
            Arg::bool("force").default("false"),
            Arg::path("path").required(),
            Arg::path("privatekey_path"),
            Arg::text("privatekey_content").no_log(),
            Arg::text("format").default("PEM").choices(&["OpenSSH", "PEM"]),
            Arg::text("privatekey_passphrase").no_log(),
            Arg::bool("backup").default("false"),
            Arg::text("select_crypto_backend").default("auto").choices(&["auto", "cryptography"]),
            Arg::bool("return_content").default("false"),
        ],
        file: true,
        exclusive: &[&["privatekey_path", "privatekey_content"]],
        required_if_any: &[("state", "present", &["privatekey_path", "privatekey_content"])],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let mut file = KeptFile::new(cx, args, None);
    file.need_folder("'")?;
    let told = |fingerprint: Map, content: Option<&[u8]>| {
        let mut told = Map::from_iter([
            ("privatekey", args.get("privatekey_path").cloned().unwrap_or(Value::Null)),
            ("format", Value::from(args.need("format"))),
            ("fingerprint", Value::from(fingerprint)),
        ]);
        if args.flag("return_content") {
            let content = content.filter(|content| !content.is_empty());
            told.insert("publickey", content.map(|content| String::from_utf8_lossy(content).into_owned()));
        }
        told
    };
    let existing = file.read()?;
    if args.need("state") == "absent" {
        file.remove(cx)?;
        let content = if cx.check() { existing } else { None };
        return Ok(file.reply(cx, told(Map::new(), content.as_deref()), Some((Map::new(), Map::new()))));
    }
    if let Some(path) = args.text("privatekey_path")
        && !cx.path(path).exists()
        && !cx.check()
    {
        return Err(ModuleError::msg(format!("The private key {path} does not exist")));
    }
    let openssh = args.need("format") == "OpenSSH";
    // In check mode a key that is not there yet means a change, as the key would be made by an earlier task.
    let key = match given_key(cx, args, "privatekey") {
        Err(_) if cx.check() && args.text("privatekey_path").is_some_and(|path| !cx.path(path).exists()) => None,
        key => key?,
    };
    let public = key.map(|key| key.public()).transpose()?;
    let wanted = public.as_ref().map(|public| written(public, openssh)).transpose()?;
    let present = existing.as_deref().and_then(|content| normal(content, openssh));
    let is_same = wanted.is_some() && present == wanted;
    let before = existing.as_deref().map(shown).unwrap_or_default();
    if cx.check() {
        file.attributes(cx)?;
        file.changed |= !is_same || args.flag("force");
        return Ok(file.reply(cx, told(Map::new(), existing.as_deref()), Some((Map::new(), Map::new()))));
    }
    let mut content = existing;
    let mut after = before.clone();
    if let Some(wanted) = wanted.filter(|_| !is_same || args.flag("force")) {
        file.write(cx, wanted.as_bytes())?;
        after = shown(wanted.as_bytes());
        content = Some(wanted.into_bytes());
    }
    file.attributes(cx)?;
    let fingerprint = public.map(|public| Fingerprints::All.of(&public.spki)).unwrap_or_default();
    Ok(file.reply(cx, told(fingerprint, content.as_deref()), Some((before, after))))
}

fn parse_pem(content: &[u8]) -> Result<PublicKey, X509Error> {
    PublicKey::parse(&Pem::find(content, |label| label == "PUBLIC KEY")?.bytes)
}

/// What a difference shows of a file.
fn shown(content: &[u8]) -> Map {
    let mut told = Map::from_iter([("can_parse_key", Value::from(false))]);
    if let Ok(key) = parse_pem(content) {
        told.insert("can_parse_key", true);
        told.insert("fingerprints", Fingerprints::Preferred.of(&key.spki));
        told.insert("type", key.type_name());
        told.insert("public_data", key.data());
    }
    told
}

/// A file's content without comments and other forms of the same; `None` when it is no key.
fn normal(content: &[u8], openssh: bool) -> Option<String> {
    if !openssh {
        return parse_pem(content).ok().map(|key| key.pem());
    }
    let text = std::str::from_utf8(content).ok()?;
    let mut words = text.split_whitespace();
    Some(format!("{} {}", words.next()?, words.next()?))
}

fn written(key: &PublicKey, openssh: bool) -> Result<String, X509Error> {
    if !openssh {
        return Ok(key.pem());
    }
    let field = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat();
    let number = |bytes: &[u8]| {
        let sign: &[u8] = if bytes.first().is_some_and(|first| first & 0x80 != 0) { &[0] } else { &[] };
        field(&[sign, bytes].concat())
    };
    let (name, rest) = match &key.kind {
        PublicKind::Rsa { n, e } => ("ssh-rsa".to_owned(), [number(e), number(n)].concat()),
        PublicKind::Ed25519(bytes) => ("ssh-ed25519".to_owned(), field(bytes)),
        PublicKind::Ec { curve, point } => {
            let short = match curve {
                Curve::Secp256r1 => "nistp256",
                Curve::Secp384r1 => "nistp384",
                Curve::Secp521r1 => "nistp521",
                Curve::Secp256k1 => return Err(X509Error::bad("OpenSSH has no keys on the curve secp256k1")),
            };
            (format!("ecdsa-sha2-{short}"), [field(short.as_bytes()), field(point)].concat())
        }
        PublicKind::X25519(_) | PublicKind::Other(_) => {
            return Err(X509Error::bad(format!("OpenSSH has no keys of type {}", key.type_name())));
        }
    };
    let blob = [field(name.as_bytes()), rest].concat();
    Ok(format!("{name} {}", base64::engine::general_purpose::STANDARD.encode(blob)))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn the_public_half_is_kept_in_both_forms() {
        let fake = Fake::new().unwrap();
        fake.call("openssl_privatekey", args([("path", "/key"), ("type", "Ed25519")]));
        for (format, start) in
            [("PEM", "-----BEGIN PUBLIC KEY-----\n"), ("OpenSSH", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI")]
        {
            let given = || args([("path", "/pub"), ("privatekey_path", "/key"), ("format", format)]);
            assert!(fake.check("openssl_publickey", given()).changed);
            assert!(fake.call("openssl_publickey", given()).changed);
            assert!(fake.read("/pub").unwrap().starts_with(start));
            assert!(
                !fake.call("openssl_publickey", given()).changed && !fake.check("openssl_publickey", given()).changed
            );
        }
        fake.write("/pub", format!("{} a comment\n", fake.read("/pub").unwrap())).unwrap();
        let given = args([("path", "/pub"), ("privatekey_path", "/key"), ("format", "OpenSSH")]);
        assert!(!fake.call("openssl_publickey", given).changed, "comments do not count");
        let reply = fake.call("openssl_publickey", args([("path", "/pub"), ("privatekey_path", "/none")]));
        assert_eq!(reply.data.get("msg").unwrap().to_string(), "The private key /none does not exist");
    }
}
