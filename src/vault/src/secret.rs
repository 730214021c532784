//! Passwords by vault id, and what they open.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use crate::cipher::Keys;
use crate::format::Envelope;
use crate::{VaultError, cipher, is_vault, random};

/// The vault id of passwords that were given without one.
pub const DEFAULT_ID: &str = "default";

/// A password. Wiped when it is dropped, never printed. Cloning shares it.
#[derive(Clone)]
pub struct Password(Arc<Inner>);

struct Inner {
    bytes: Zeroizing<Vec<u8>>,
    /// Deriving keys is slow on purpose: a run that opens the same text for every host does it once.
    keys: Mutex<HashMap<Vec<u8>, Arc<Keys>>>,
}

impl Password {
    /// A password of these bytes; surrounding line ends are not part of it. Empty ones are refused.
    pub fn new(bytes: Vec<u8>) -> Result<Self, VaultError> {
        let bytes = Zeroizing::new(bytes);
        let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let start = bytes.iter().position(|b| !is_end(b)).ok_or(VaultError::EmptyPassword)?;
        let end = bytes.iter().rposition(|b| !is_end(b)).map_or(start, |i| i + 1);
        let bytes = Zeroizing::new(bytes[start..end].to_vec());
        Ok(Self(Arc::new(Inner { bytes, keys: Mutex::default() })))
    }

    fn derive(&self, salt: &[u8]) -> Keys {
        Keys::derive(&self.0.bytes, salt)
    }

    /// The keys for texts with this salt.
    pub(crate) fn keys(&self, salt: &[u8]) -> Arc<Keys> {
        let known = || self.0.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = known().get(salt) {
            return Arc::clone(keys);
        }
        let keys = Arc::new(self.derive(salt));
        known().insert(salt.to_vec(), Arc::clone(&keys));
        keys
    }
}

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        self.0.bytes == other.0.bytes
    }
}

impl Eq for Password {}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// A password with its vault id: what a text is encrypted with.
#[derive(Clone, Debug)]
pub struct Key {
    /// The vault id the password was given under.
    pub id: Arc<str>,
    /// The password.
    pub password: Password,
}

/// The run's vault passwords, in the order they were given. Cloning shares them.
#[derive(Clone, Debug)]
pub struct Secrets {
    keys: Vec<Key>,
    match_ids: bool,
    default_id: Arc<str>,
    salt: Option<Arc<[u8]>>,
}

impl Default for Secrets {
    fn default() -> Self {
        Self { keys: Vec::new(), match_ids: false, default_id: DEFAULT_ID.into(), salt: None }
    }
}

/// What was decrypted.
#[derive(Clone)]
pub struct Decrypted {
    /// The plain text, wiped when it is dropped.
    pub plain: Zeroizing<Vec<u8>>,
    /// The vault id of the password that opened it.
    pub id: Arc<str>,
    /// That password.
    pub password: Password,
    /// The vault id that stands in the envelope, the default one when none does.
    pub named: Arc<str>,
}

impl fmt::Debug for Decrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decrypted(by {})", self.id)
    }
}

impl Secrets {
    /// No passwords.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a password under a vault id.
    pub fn add(&mut self, id: &str, password: Password) {
        self.keys.push(Key { id: id.into(), password });
    }

    /// Only tries passwords whose vault id an envelope names (`vault_id_match`).
    pub fn match_ids(&mut self, on: bool) {
        self.match_ids = on;
    }

    /// The vault id that envelopes without one are taken to name (`vault_identity`), by default [`DEFAULT_ID`].
    pub fn default_id(&mut self, id: &str) {
        self.default_id = id.into();
    }

    /// Encrypts with this salt instead of a random one each time (`vault_encrypt_salt`): equal plain texts then become
    /// equal envelopes. `None` or empty: random.
    pub fn salt(&mut self, salt: Option<&[u8]>) {
        self.salt = salt.filter(|salt| !salt.is_empty()).map(Into::into);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// The vault ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| &*key.id)
    }

    /// What to encrypt with: the password of a vault id, or (`None`) the first one.
    pub fn key(&self, id: Option<&str>) -> Result<&Key, VaultError> {
        match id {
            None => self.keys.first().ok_or(VaultError::NoSecrets { id: None }),
            Some(wanted) => self.keys.iter().find(|key| &*key.id == wanted).ok_or_else(|| VaultError::UnknownId {
                id: wanted.to_owned(),
                known: self.ids().map(str::to_owned).collect(),
            }),
        }
    }

    /// Opens an encrypted text: passwords of the vault id it names first, then all others in order.
    pub fn decrypt(&self, data: impl AsRef<[u8]>) -> Result<Decrypted, VaultError> {
        let envelope = Envelope::parse(data.as_ref())?;
        if self.keys.is_empty() {
            return Err(VaultError::NoSecrets { id: envelope.id });
        }
        let wanted: Arc<str> = envelope.id.as_deref().map_or_else(|| Arc::clone(&self.default_id), Into::into);
        let named = self.keys.iter().filter(|key| key.id == wanted);
        let others = self.keys.iter().filter(|key| !self.match_ids && key.id != wanted);
        for Key { id, password } in named.chain(others) {
            if let Some(plain) = cipher::decrypt(&envelope, &password.keys(&envelope.salt)) {
                return Ok(Decrypted { plain, id: Arc::clone(id), password: password.clone(), named: wanted });
            }
        }
        Err(VaultError::NoMatch { id: envelope.id, tried: self.ids().map(str::to_owned).collect() })
    }

    /// Opens an encrypted text that holds text.
    pub fn decrypt_text(&self, data: impl AsRef<[u8]>) -> Result<String, VaultError> {
        let decrypted = self.decrypt(data)?;
        std::str::from_utf8(&decrypted.plain).map(str::to_owned).map_err(|_| VaultError::NotText)
    }

    /// Encrypts under a vault id (`None`: the first password) as an envelope that ends in a newline.
    pub fn encrypt(&self, plain: impl AsRef<[u8]>, id: Option<&str>) -> Result<String, VaultError> {
        let key = self.key(id)?;
        self.encrypt_with(plain, &key.password, &key.id)
    }

    /// Encrypts with a password as an envelope that names a vault id. The id [`DEFAULT_ID`] is not written: version 1.1
    /// says the same, and older releases read it.
    pub fn encrypt_with(&self, plain: impl AsRef<[u8]>, password: &Password, id: &str) -> Result<String, VaultError> {
        if is_vault(&plain) && plain.as_ref().is_ascii() {
            return Err(VaultError::AlreadyEncrypted);
        }
        let salt = match &self.salt {
            Some(salt) => salt.to_vec(),
            None => random::bytes::<32>().map_err(VaultError::Random)?.to_vec(),
        };
        let written = (id != DEFAULT_ID).then(|| id.to_owned());
        // Random salts come once: their keys are not worth keeping.
        let keys = if self.salt.is_some() { password.keys(&salt) } else { Arc::new(password.derive(&salt)) };
        let envelope = cipher::encrypt(plain.as_ref(), &keys, salt, written);
        Ok(envelope.ok_or(VaultError::Format("its keys have the wrong size"))?.write())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fixture(name: &str) -> Vec<u8> {
        std::fs::read(format!("{}/../../fixtures/vault/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    fn secrets(entries: &[(&str, &str)]) -> Secrets {
        let mut secrets = Secrets::new();
        for (id, password) in entries {
            secrets.add(id, Password::new(password.as_bytes().to_vec()).unwrap());
        }
        secrets
    }

    #[test]
    fn files_of_ansible_vault_open() {
        let both = secrets(&[("default", "secret one"), ("dev", "two")]);
        for (name, id) in [("default.yml", "default"), ("dev.yml", "dev")] {
            let opened = both.decrypt(fixture(name)).unwrap();
            assert_eq!((&**opened.plain, &*opened.id), (&*fixture("plain.yml"), id));
        }
        assert_eq!(both.decrypt_text(fixture("empty.yml")).unwrap(), "");
        // The id is only a hint, unless ids must match.
        let mut other = secrets(&[("prod", "two")]);
        assert_eq!(&*other.decrypt(fixture("dev.yml")).unwrap().id, "prod");
        other.match_ids(true);
        assert!(matches!(other.decrypt(fixture("dev.yml")), Err(VaultError::NoMatch { .. })));
    }

    #[test]
    fn failures_say_why() {
        let show = |result: Result<Decrypted, VaultError>| result.unwrap_err().to_string();
        assert_eq!(
            show(Secrets::new().decrypt(fixture("dev.yml"))),
            "Attempting to decrypt but no vault secrets found."
        );
        let wrong = secrets(&[("default", "wrong")]);
        assert_eq!(
            show(wrong.decrypt(fixture("default.yml"))),
            "Decryption failed (no vault secrets were found that could decrypt)."
        );
        let mut damaged = fixture("default.yml");
        let last = damaged.len() - 5;
        damaged[last] = if damaged[last] == b'0' { b'1' } else { b'0' };
        assert!(secrets(&[("default", "secret one")]).decrypt(damaged).is_err());
        assert!(matches!(wrong.encrypt("$ANSIBLE_VAULT;x", None), Err(VaultError::AlreadyEncrypted)));
        assert!(matches!(wrong.encrypt("x", Some("dev")), Err(VaultError::UnknownId { .. })));
    }

    #[test]
    fn nothing_secret_is_printed() {
        let secrets = secrets(&[("default", "hunter2")]);
        let text = secrets.encrypt("plain text", None).unwrap();
        let printed =
            format!("{secrets:?} {:?} {:?}", secrets.decrypt(&text).unwrap(), Password::new(b"hunter2".to_vec()));
        assert!(!printed.contains("hunter2") && !printed.contains("plain text"));
        assert!(text.starts_with("$ANSIBLE_VAULT;1.1;AES256\n"));
        assert!(Password::new(b"\r\n".to_vec()).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn anything_survives(plain in prop::collection::vec(any::<u8>(), 0..200), password in "[^\r\n]{1,40}", id in "[a-z]{1,8}") {
            let secrets = secrets(&[(&id, &password)]);
            let text = secrets.encrypt(&plain, Some(&id)).unwrap();
            let opened = secrets.decrypt(&text).unwrap();
            prop_assert_eq!(&**opened.plain, &plain[..]);
        }

        #[test]
        fn any_bytes_are_refused(data in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut text = b"$ANSIBLE_VAULT;1.1;AES256\n".to_vec();
            text.extend(data);
            prop_assert!(secrets(&[("default", "x")]).decrypt(text).is_err());
        }
    }
}
