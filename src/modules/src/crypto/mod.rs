//! `community.crypto`, one file each. What they share about keys and certificates stands in `x509`.

pub mod openssh_keypair;
pub mod openssl_csr;
pub mod openssl_csr_info;
pub mod openssl_privatekey;
pub mod openssl_privatekey_info;
pub mod openssl_publickey;
pub mod x509_certificate;
pub mod x509_certificate_info;

use rplay_value::Map;

include!(concat!(env!("OUT_DIR"), "/crypto.rs"));

/// Whether a call of a module of this collection asks for what only the Python module can do.
pub(crate) fn is_beyond(module: &str, args: &Map) -> bool {
    match module {
        "openssh_keypair" => openssh_keypair::is_beyond(args),
        "openssl_csr" => openssl_csr::is_beyond(args),
        "openssl_csr_info" | "x509_certificate_info" => openssl_csr_info::is_beyond(args),
        "openssl_privatekey" => openssl_privatekey::is_beyond(args),
        "x509_certificate" => x509_certificate::is_beyond(args),
        _ => false,
    }
}
