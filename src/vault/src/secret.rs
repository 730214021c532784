//! Passwords by vault id, and what they open.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::format::Envelope;
use crate::{VaultError, cipher, is_vault, random};

/// The vault id of passwords that were given without one.
pub const DEFAULT_ID: &str = "default";

/// A password. Wiped when it is dropped, never printed.
#[derive(Clone)]
pub struct Password(Arc<Zeroizing<Vec<u8>>>);

impl Password {
    /// A password of these bytes; surrounding line ends are not part of it. Empty ones are refused.
    pub fn new(bytes: Vec<u8>) -> Result<Self, VaultError> {
        let bytes = Zeroizing::new(bytes);
        let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let start = bytes.iter().position(|b| !is_end(b)).ok_or(VaultError::EmptyPassword)?;
        let end = bytes.iter().rposition(|b| !is_end(b)).map_or(start, |i| i + 1);
        Ok(Self(Arc::new(Zeroizing::new(bytes[start..end].to_vec()))))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// The run's vault passwords, in the order they were given. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    entries: Vec<(Arc<str>, Password)>,
    match_ids: bool,
}

/// What was decrypted.
#[derive(Clone)]
pub struct Decrypted {
    /// The plain text, wiped when it is dropped.
    pub plain: Zeroizing<Vec<u8>>,
    /// The vault id of the password that opened it.
    pub id: Arc<str>,
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
        self.entries.push((id.into(), password));
    }

    /// Only tries passwords whose vault id an envelope names (`vault_id_match`).
    pub fn match_ids(&mut self, on: bool) {
        self.match_ids = on;
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The vault ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(id, _)| &**id)
    }

    /// Opens an encrypted text: passwords of the vault id it names first, then all others in order.
    pub fn decrypt(&self, data: impl AsRef<[u8]>) -> Result<Decrypted, VaultError> {
        let envelope = Envelope::parse(data.as_ref())?;
        if self.entries.is_empty() {
            return Err(VaultError::NoSecrets { id: envelope.id });
        }
        let wanted = envelope.id.as_deref().or(self.match_ids.then_some(DEFAULT_ID));
        let named = self.entries.iter().filter(|(id, _)| Some(&**id) == wanted);
        let others = self.entries.iter().filter(|(id, _)| !self.match_ids && Some(&**id) != wanted);
        for (id, password) in named.chain(others) {
            if let Some(plain) = cipher::decrypt(&envelope, password.bytes()) {
                return Ok(Decrypted { plain, id: Arc::clone(id) });
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
        if is_vault(&plain) {
            return Err(VaultError::AlreadyEncrypted);
        }
        let entry = match id {
            None => self.entries.first().ok_or(VaultError::NoSecrets { id: None })?,
            Some(wanted) => self.entries.iter().find(|(id, _)| &**id == wanted).ok_or_else(|| {
                VaultError::UnknownId { id: wanted.to_owned(), known: self.ids().map(str::to_owned).collect() }
            })?,
        };
        let salt = random::bytes::<32>().map_err(VaultError::Random)?;
        // The default id is not written: version 1.1 says the same and older releases read it.
        let written = Some(&*entry.0).filter(|id| *id != DEFAULT_ID).map(str::to_owned);
        let envelope = cipher::encrypt(plain.as_ref(), entry.1.bytes(), salt.to_vec(), written);
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
            "attempting to decrypt but no vault secrets found"
        );
        let wrong = secrets(&[("default", "wrong")]);
        assert_eq!(
            show(wrong.decrypt(fixture("default.yml"))),
            "decryption failed (no vault secrets were found that could decrypt)"
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
