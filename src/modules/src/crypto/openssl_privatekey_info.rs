//! Tells about a private key.
//!
//! Options:
//! - `path` (path) or `content` (secret text), `passphrase` (secret).
//! - `return_private_key_data` (bool): also the secret numbers.
//! - `check_consistency` (bool): whether the key's signatures are those of its public half.
//! - `select_crypto_backend` (`auto` or `cryptography`; both mean what is here).
//!
//! Returns: `can_load_key`, `can_parse_key`, `key_is_consistent`, `public_key`, `public_key_fingerprints`, `type`,
//! `public_data`, `private_data`.
//!
//! Check mode: yes, nothing is ever changed.
//!
//! Example:
//! ```yaml
//! - community.crypto.openssl_privatekey_info:
//!     path: /etc/ssl/private/host.key
//! ```

use rplay_protocol::Reply;
use rplay_value::Value;

use crate::x509::file::errno;
use crate::x509::info::{self, Fingerprints};
use crate::x509::key::Digest;
use crate::x509::private_key::PrivateKey;
use crate::x509::{X509Error, der};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `community.crypto.openssl_privatekey_info`
pub static MODULE: Module = Module {
    name: "openssl_privatekey_info",
    collection: "community.crypto",
    spec: &ArgSpec {
        args: &[
            Arg::path("path"),
            Arg::text("content").no_log(),
            Arg::text("passphrase").no_log(),
            Arg::bool("return_private_key_data").default("false"),
            Arg::bool("check_consistency").default("false"),
            Arg::text("select_crypto_backend").default("auto").choices(&["auto", "cryptography"]),
        ],
        one_of: &[&["path", "content"]],
        exclusive: &[&["path", "content"]],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let failure = |msg: String, loaded: bool| {
        let reply = Reply::failure(msg).with("can_load_key", loaded).with("can_parse_key", false);
        ModuleError::reply(reply.with("key_is_consistent", Value::Null))
    };
    let content = match (args.text("content"), args.need("path")) {
        (Some(content), _) => content.as_bytes().to_vec(),
        (None, path) => std::fs::read(cx.path(path)).map_err(|error| {
            failure(format!("Error while reading private key file from disk: {}", errno(&error, path)), false)
        })?,
    };
    let key = PrivateKey::load(&content, args.text("passphrase")).map_err(|error| failure(error.to_string(), true))?;
    let mut told = info::private_key(&key, Fingerprints::All)?;
    if args.flag("return_private_key_data") {
        told.insert("private_data", key.data()?);
    }
    let mut reply = Reply::ok().with("can_load_key", true);
    let mut consistent = None;
    if args.flag("check_consistency") {
        // As Python's cryptography since release 42: RSA keys are checked when they are read, and not again.
        consistent = match key.type_name() {
            "ECC" | "Ed25519" => Some(signs_its_own(&key)?),
            other => {
                cx.warn(format!("Cannot determine consistency for key of type {other}"));
                None
            }
        };
        told.insert("key_is_consistent", consistent);
    }
    for (name, value) in &told {
        reply.data.insert(name.clone(), value.clone());
    }
    if consistent == Some(false) {
        let msg = "Private key is not consistent! (See https://blog.hboeck.de/archives/888-How-I-tricked-Symantec-with-a-Fake-Private-Key.html)";
        return Err(ModuleError::reply(reply.with("msg", msg)));
    }
    Ok(reply)
}

fn signs_its_own(key: &PrivateKey) -> Result<bool, X509Error> {
    let (algorithm, signature) = key.sign(Digest::Sha256, b"1234")?;
    let name = der::Reader::new(&algorithm).inside(der::SEQUENCE)?.oid()?;
    key.public()?.verify(&name, b"1234", &signature)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};
    use crate::x509::key::Curve;
    use crate::x509::pem::Form;
    use crate::x509::private_key::PrivateKey;

    #[test]
    fn numbers_of_keys_are_told() {
        let fake = Fake::new().unwrap();
        let key = PrivateKey::new_ec(Curve::Secp521r1).unwrap().encode(Form::Pkcs8, Some("words")).unwrap().unwrap();
        fake.write("/key", &*key).unwrap();
        let given = [("path", "/key"), ("passphrase", "words"), ("check_consistency", "yes")];
        let reply = fake.call("openssl_privatekey_info", args(given));
        let public = reply.data.get("public_data").unwrap().as_map().unwrap();
        assert_eq!(public.get("exponent_size").unwrap().as_int(), Some(521));
        assert_eq!(reply.data.get("key_is_consistent").unwrap().as_bool(), Some(true));
        let reply = fake.call("openssl_privatekey_info", args([("path", "/key")]));
        assert_eq!(reply.data.get("msg").unwrap().to_string(), "Wrong or empty passphrase provided for private key");
        assert_eq!(reply.data.get("can_load_key").unwrap().as_bool(), Some(true));
        let reply = fake.call("openssl_privatekey_info", args([("path", "/none")]));
        assert!(reply.data.get("msg").unwrap().to_string().ends_with("[Errno 2] No such file or directory: '/none'"));
    }
}
