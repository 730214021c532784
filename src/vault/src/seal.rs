//! One random key for many small secrets: what a run has to keep for itself without keeping it readable.

use std::io;

use aes::cipher::{KeyIvInit, StreamCipher};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

type Counter = ctr::Ctr128BE<aes::Aes256>;

/// Bytes of a sealed text before its ciphertext: the counter's start and the signature.
const NONCE: usize = 16;
const SIGNATURE: usize = 32;

/// A random key: AES-256 in counter mode and HMAC-SHA-256, as ansible-vault, without its slow derivation for each text.
///
/// It is as secret as what it seals: keep it only inside a vault envelope ([`crate::Secrets::encrypt`]).
pub struct Seal(Zeroizing<[u8; 64]>);

impl Seal {
    /// A new key.
    pub fn random() -> io::Result<Self> {
        Ok(Self(Zeroizing::new(crate::random::bytes()?)))
    }

    /// A key from [`Seal::bytes`]; `None` when the length is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    /// The key itself.
    pub fn bytes(&self) -> &[u8] {
        &*self.0
    }

    fn apply(&self, nonce: &[u8], data: &mut [u8]) -> Option<()> {
        Counter::new_from_slices(&self.0[..32], nonce).ok()?.apply_keystream(data);
        Some(())
    }

    fn mac(&self, nonce: &[u8], ciphertext: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0[32..]).ok()?;
        mac.update(nonce);
        mac.update(ciphertext);
        Some(mac)
    }

    /// Encrypts and signs.
    pub fn close(&self, plain: &[u8]) -> io::Result<Vec<u8>> {
        let nonce: [u8; NONCE] = crate::random::bytes()?;
        let mut ciphertext = plain.to_vec();
        let unusable = || io::Error::other("the key cannot be used");
        self.apply(&nonce, &mut ciphertext).ok_or_else(unusable)?;
        let signature = self.mac(&nonce, &ciphertext).ok_or_else(unusable)?.finalize().into_bytes();
        Ok([&nonce[..], &signature[..], &ciphertext[..]].concat())
    }

    /// The plain text; `None` when another key sealed it or it was changed.
    pub fn open(&self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, rest) = sealed.split_at_checked(NONCE)?;
        let (signature, ciphertext) = rest.split_at_checked(SIGNATURE)?;
        self.mac(nonce, ciphertext)?.verify_slice(signature).ok()?;
        let mut plain = Zeroizing::new(ciphertext.to_vec());
        self.apply(nonce, &mut plain)?;
        Some(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_opens_and_only_what_was_sealed() {
        let seal = Seal::random().unwrap();
        let mut sealed = seal.close(b"hunter2").unwrap();
        assert!(!sealed.windows(7).any(|window| window == b"hunter2"));
        assert_ne!(seal.close(b"hunter2").unwrap(), sealed, "equal texts do not look equal");
        let again = Seal::from_bytes(seal.bytes()).unwrap();
        assert_eq!(&**again.open(&sealed).unwrap(), b"hunter2");
        assert!(Seal::random().unwrap().open(&sealed).is_none());
        *sealed.last_mut().unwrap() ^= 1;
        assert!(seal.open(&sealed).is_none() && seal.open(b"short").is_none());
    }
}
