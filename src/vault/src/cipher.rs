//! AES-256 in counter mode with an HMAC, keys by PBKDF2: Ansible's only cipher.

use aes::cipher::{KeyIvInit, StreamCipher};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::format::Envelope;

type Counter = ctr::Ctr128BE<aes::Aes256>;

const ROUNDS: u32 = 10_000;
/// Plain text is padded to whole blocks although the mode needs none.
const BLOCK: usize = 16;

/// What one password and one salt make: cipher key, signing key and counter start.
pub(crate) struct Keys(Zeroizing<[u8; 80]>);

impl Keys {
    pub(crate) fn derive(password: &[u8], salt: &[u8]) -> Self {
        let mut keys = Zeroizing::new([0; 80]);
        pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, ROUNDS, &mut *keys);
        Self(keys)
    }

    fn apply(&self, data: &mut [u8]) -> Option<()> {
        Counter::new_from_slices(&self.0[..32], &self.0[64..]).ok()?.apply_keystream(data);
        Some(())
    }

    fn mac(&self, ciphertext: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0[32..64]).ok()?;
        mac.update(ciphertext);
        Some(mac)
    }
}

/// The plain text, or `None` when the password is not the right one.
pub(crate) fn decrypt(envelope: &Envelope, keys: &Keys) -> Option<Zeroizing<Vec<u8>>> {
    // Constant time, and before anything is decrypted.
    keys.mac(&envelope.ciphertext)?.verify_slice(&envelope.hmac).ok()?;
    let mut plain = Zeroizing::new(envelope.ciphertext.clone());
    keys.apply(&mut plain)?;
    let padding = usize::from(*plain.last()?);
    if !(1..=BLOCK).contains(&padding) || plain.len() < padding {
        return None;
    }
    let length = plain.len() - padding;
    plain.truncate(length);
    Some(plain)
}

pub(crate) fn encrypt(plain: &[u8], keys: &Keys, salt: Vec<u8>, id: Option<String>) -> Option<Envelope> {
    let padding = BLOCK - plain.len() % BLOCK;
    let mut ciphertext = Vec::with_capacity(plain.len() + padding);
    ciphertext.extend_from_slice(plain);
    ciphertext.resize(plain.len() + padding, padding as u8);
    keys.apply(&mut ciphertext)?;
    let hmac = keys.mac(&ciphertext)?.finalize().into_bytes().to_vec();
    Some(Envelope { id, salt, hmac, ciphertext })
}
