//! Tells about a certificate.
//!
//! Options:
//! - `path` (path; PEM or DER) or `content` (PEM text).
//! - `valid_at` (mapping of names to times): whether it is valid then, such as `+1w` or `20301231235959Z`.
//! - `name_encoding` (default `ignore`): only this one natively; `idna` and `unicode` through Python.
//! - `select_crypto_backend` (`auto` or `cryptography`; both mean what is here).
//!
//! Returns: what `openssl_csr_info` tells, and `issuer`, `issuer_ordered`, `version`, `not_before`, `not_after`,
//! `expired`, `valid_at`, `fingerprints`, `serial_number`, `signature_algorithm`, `ocsp_uri`, `issuer_uri`.
//!
//! Check mode: yes, nothing is ever changed.
//!
//! Example:
//! ```yaml
//! - community.crypto.x509_certificate_info:
//!     path: /etc/ssl/host.crt
//!     valid_at:
//!       in_a_month: +30d
//! ```

use rplay_protocol::Reply;
use rplay_value::Map;

use crate::x509::certificate::Certificate;
use crate::x509::file::errno;
use crate::x509::info::{self, Fingerprints};
use crate::x509::{X509Error, when};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `community.crypto.x509_certificate_info`
pub static MODULE: Module = Module {
    name: "x509_certificate_info",
    collection: "community.crypto",
    spec: &ArgSpec {
        args: &[
            Arg::path("path"),
            Arg::text("content"),
            Arg::map("valid_at"),
            Arg::text("name_encoding").default("ignore").choices(&["ignore", "idna", "unicode"]),
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
    if args.need("name_encoding") != "ignore" {
        return Err(X509Error::Beyond(format!("name_encoding={}", args.need("name_encoding"))).into());
    }
    let (content, der) = match (args.text("content"), args.need("path")) {
        (Some(content), _) => (content.as_bytes().to_vec(), false),
        (None, path) => {
            let content = std::fs::read(cx.path(path)).map_err(|error| {
                ModuleError::msg(format!("Error while reading certificate file from disk: {}", errno(&error, path)))
            })?;
            (content, true)
        }
    };
    let mut times = Vec::new();
    for (name, time) in args.map("valid_at").into_iter().flat_map(Map::texts) {
        let Some(text) = time.as_str() else {
            let class = time.type_name();
            return Err(ModuleError::msg(format!(
                "The value for valid_at.{name} must be of type string (got <class '{class}'>)"
            )));
        };
        times.push((name.as_str(), when::option(text, &format!("valid_at.{name}"))?));
    }
    let certificate = Certificate::load(&content, der)?;
    let mut reply = Reply::ok();
    reply.data = info::certificate(&certificate, Fingerprints::All)?;
    let valid =
        times.into_iter().map(|(name, time)| (name, certificate.not_before <= time && time <= certificate.not_after));
    reply.data.insert("valid_at", valid.collect::<Map>());
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn times_and_content_are_checked() {
        let fake = Fake::new().unwrap();
        let reply = fake.call("x509_certificate_info", args([("content", "x")]));
        assert!(reply.failed && reply.data.get("msg").unwrap().to_string().starts_with("Unable to load PEM file."));
        let reply = fake.call("x509_certificate_info", args([("content", "x"), ("valid_at", "a=soon")]));
        assert_eq!(reply.data.get("msg").unwrap().to_string(), "The time spec \"soon\" for valid_at.a is invalid");
        fake.write("/x", [0x30, 0x80]).unwrap();
        let reply = fake.call("x509_certificate_info", args([("path", "/x")]));
        assert!(reply.data.get("msg").unwrap().to_string().starts_with("Cannot parse DER certificate: "));
    }
}
