//! Keys, certificate signing requests and certificates, as the modules of `community.crypto` need them.
//!
//! Start at [`key`]; [`request`] and [`certificate`] put names, extensions and signatures around keys. What is read is
//! DER inside PEM, by a small reader of our own in [`der`]; the mathematics are RustCrypto's.

pub(crate) mod certificate;
pub(crate) mod der;
pub(crate) mod encryption;
pub(crate) mod extension;
pub(crate) mod file;
pub(crate) mod fingerprint;
pub(crate) mod info;
pub(crate) mod key;
pub(crate) mod name;
pub(crate) mod oid;
pub(crate) mod pem;
pub(crate) mod private_key;
pub(crate) mod request;
pub(crate) mod when;

/// What is wrong with a key, a request or a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum X509Error {
    /// Not what it should be; the text is for people.
    #[error("{0}")]
    Bad(String),
    /// The key is protected and no passphrase was given, or one was given for a key without.
    #[error("Wrong or empty passphrase provided for private key")]
    Passphrase,
    /// Something that is not done natively.
    #[error(
        "{0} is not handled natively; the Python module of community.crypto, installed on the controller, can do it"
    )]
    Beyond(String),
}

impl X509Error {
    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self::Bad(text.into())
    }
}

impl From<X509Error> for crate::ModuleError {
    fn from(error: X509Error) -> Self {
        Self::msg(error.to_string())
    }
}

/// Bytes that nobody can guess.
pub(crate) fn random(bytes: &mut [u8]) -> Result<(), X509Error> {
    getrandom::fill(bytes).map_err(|error| X509Error::bad(format!("the system gives no random numbers: {error}")))
}
