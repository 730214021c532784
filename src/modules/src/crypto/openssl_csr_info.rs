//! Tells about a certificate signing request.
//!
//! Options:
//! - `path` (path) or `content` (text).
//! - `name_encoding` (default `ignore`): only this one natively; `idna` and `unicode` through Python.
//! - `select_crypto_backend` (`auto` or `cryptography`; both mean what is here).
//!
//! Returns: `subject`, `subject_ordered`, `key_usage`, `extended_key_usage`, `basic_constraints`, `subject_alt_name`,
//! `ocsp_must_staple` and `name_constraints_*` with their `*_critical`, `public_key`, `public_key_type`,
//! `public_key_data`, `public_key_fingerprints`, `subject_key_identifier`, `authority_*`, `extensions_by_oid`,
//! `signature_valid`.
//!
//! Check mode: yes, nothing is ever changed.
//!
//! Example:
//! ```yaml
//! - community.crypto.openssl_csr_info:
//!     path: /etc/ssl/host.csr
//! ```

use rplay_protocol::Reply;
use rplay_value::{Map, Value};

use crate::x509::X509Error;
use crate::x509::file::errno;
use crate::x509::info::{self, Fingerprints};
use crate::x509::request::Request;
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `community.crypto.openssl_csr_info`
pub static MODULE: Module = Module {
    name: "openssl_csr_info",
    collection: "community.crypto",
    spec: &ArgSpec {
        args: &[
            Arg::path("path"),
            Arg::text("content"),
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

/// Whether a call with these arguments needs the Python module.
pub(crate) fn is_beyond(args: &Map) -> bool {
    args.get("name_encoding").and_then(Value::as_str).is_some_and(|encoding| encoding != "ignore")
}

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    if args.need("name_encoding") != "ignore" {
        return Err(X509Error::Beyond(format!("name_encoding={}", args.need("name_encoding"))).into());
    }
    let content = match (args.text("content"), args.need("path")) {
        (Some(content), _) => content.as_bytes().to_vec(),
        (None, path) => std::fs::read(cx.path(path)).map_err(|error| {
            ModuleError::msg(format!("Error while reading CSR file from disk: {}", errno(&error, path)))
        })?,
    };
    let request = Request::load(&content)?;
    let mut reply = Reply::ok();
    reply.data = info::request(&request, Fingerprints::All)?;
    if request.is_signed()? {
        Ok(reply)
    } else {
        Err(ModuleError::reply(reply.with("msg", "CSR signature is invalid!")))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn what_is_no_request_is_refused() {
        let fake = Fake::new().unwrap();
        let reply = fake.call("openssl_csr_info", args([("content", "nothing")]));
        assert!(reply.failed && reply.data.get("msg").unwrap().to_string().starts_with("Unable to load PEM file."));
        let reply = fake.call("openssl_csr_info", args([("content", "nothing"), ("name_encoding", "idna")]));
        assert!(reply.data.get("msg").unwrap().to_string().starts_with("name_encoding=idna is not handled natively"));
    }
}
