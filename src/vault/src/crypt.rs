//! crypt(3) password hashes, as the `password_hash` filter and the `user` module make them (passlib's rules).

use std::io;

use crate::random;

/// A hash scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `$1$`
    Md5,
    /// `$2b$`
    Bcrypt,
    /// `$5$`
    Sha256,
    /// `$6$`
    Sha512,
}

/// A hash that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CryptError {
    /// No such scheme.
    #[error("{0} is not in the list of supported passlib algorithms: md5, blowfish, sha256, sha512")]
    UnknownScheme(String),
    /// A salt that is too long or too short.
    #[error("could not hash the secret: salt too {} ({} requires {}{} chars)",
        if *long { "large" } else { "small" }, scheme.passlib_name(), if *scheme == Scheme::Bcrypt { "" } else { "<= " }, scheme.salt_size())]
    SaltSize {
        /// The scheme.
        scheme: Scheme,
        /// Too long, not too short.
        long: bool,
    },
    /// A salt with other characters than `./0-9A-Za-z`.
    #[error("could not hash the secret: invalid characters in {} salt", .0.passlib_name())]
    SaltCharacters(Scheme),
    /// Rounds out of range.
    #[error("could not hash the secret: {}: rounds ({rounds}) must be between {min} and {max}", scheme.passlib_name())]
    Rounds {
        /// The scheme.
        scheme: Scheme,
        /// What was asked for.
        rounds: u32,
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
    /// A bcrypt variant that is none.
    #[error("could not hash the secret: invalid ident `{0}`, use 2, 2a, 2b or 2y")]
    Ident(String),
    /// A password with a NUL byte, which C programs could not check.
    #[error("could not hash the secret: bcrypt does not allow NUL bytes in password")]
    Nul,
    /// The algorithm failed.
    #[error("could not hash the secret: {0}")]
    Failed(String),
    /// No random salt.
    #[error("no random bytes for a salt")]
    Random(#[from] io::Error),
}

/// What may be chosen; everything else is passlib's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CryptOptions<'a> {
    /// The salt; random when absent or empty.
    pub salt: Option<&'a str>,
    /// The length of a random salt.
    pub salt_size: Option<usize>,
    /// Rounds, or bcrypt's cost.
    pub rounds: Option<u32>,
    /// bcrypt's variant: `2a`, `2b`, `2y`.
    pub ident: Option<&'a str>,
}

const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BCRYPT_ALPHABET: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// The rounds sha-crypt means when it writes none.
const SHA_SILENT_ROUNDS: u32 = 5000;

impl Scheme {
    /// A scheme by the names `password_hash` takes: `sha512` or `sha512_crypt`, `blowfish` or `bcrypt`.
    pub fn by_name(name: &str) -> Result<Self, CryptError> {
        match name {
            "md5" | "md5_crypt" => Ok(Self::Md5),
            "blowfish" | "bcrypt" => Ok(Self::Bcrypt),
            "sha256" | "sha256_crypt" => Ok(Self::Sha256),
            "sha512" | "sha512_crypt" => Ok(Self::Sha512),
            other => Err(CryptError::UnknownScheme(other.to_owned())),
        }
    }

    /// passlib's name.
    pub fn passlib_name(self) -> &'static str {
        match self {
            Self::Md5 => "md5_crypt",
            Self::Bcrypt => "bcrypt",
            Self::Sha256 => "sha256_crypt",
            Self::Sha512 => "sha512_crypt",
        }
    }

    fn salt_size(self) -> usize {
        match self {
            Self::Md5 => 8,
            Self::Bcrypt => 22,
            Self::Sha256 | Self::Sha512 => 16,
        }
    }

    /// Least, default and most rounds. The defaults are ansible-core's.
    fn rounds(self) -> (u32, u32, u32) {
        match self {
            Self::Md5 => (0, 0, 0),
            Self::Bcrypt => (4, 12, 31),
            Self::Sha256 => (1000, 535_000, 999_999_999),
            Self::Sha512 => (1000, 656_000, 999_999_999),
        }
    }
}

/// Hashes a password.
#[expect(deprecated, reason = "pwhash warns of older schemes; people who ask for one have systems that read no other")]
pub fn hash(password: &str, scheme: Scheme, options: CryptOptions<'_>) -> Result<String, CryptError> {
    let salt = match options.salt.filter(|salt| !salt.is_empty()) {
        Some(salt) => salt.to_owned(),
        None => random_salt(options.salt_size.unwrap_or(scheme.salt_size()))?,
    };
    if salt.len() > scheme.salt_size() {
        return Err(CryptError::SaltSize { scheme, long: true });
    }
    if !salt.bytes().all(|byte| ALPHABET.contains(&byte)) {
        return Err(CryptError::SaltCharacters(scheme));
    }
    let (min, default, max) = scheme.rounds();
    let rounds = options.rounds.filter(|rounds| *rounds != 0).unwrap_or(default);
    if scheme != Scheme::Md5 && !(min..=max).contains(&rounds) {
        return Err(CryptError::Rounds { scheme, rounds, min, max });
    }
    let failed = |error: pwhash::error::Error| CryptError::Failed(error.to_string());
    let setup = pwhash::HashSetup { salt: Some(&salt), rounds: (rounds != SHA_SILENT_ROUNDS).then_some(rounds) };
    match scheme {
        Scheme::Md5 => {
            pwhash::md5_crypt::hash_with(pwhash::HashSetup { rounds: None, ..setup }, password).map_err(failed)
        }
        Scheme::Sha256 => pwhash::sha256_crypt::hash_with(setup, password).map_err(failed),
        Scheme::Sha512 => pwhash::sha512_crypt::hash_with(setup, password).map_err(failed),
        Scheme::Bcrypt => {
            let version = match options.ident.unwrap_or("2b").trim_matches('$') {
                "2a" => bcrypt::Version::TwoA,
                "2b" => bcrypt::Version::TwoB,
                "2y" => bcrypt::Version::TwoY,
                other => return Err(CryptError::Ident(other.to_owned())),
            };
            if password.contains('\0') {
                return Err(CryptError::Nul);
            }
            let raw = bcrypt_salt(&salt).ok_or(CryptError::SaltSize { scheme, long: false })?;
            bcrypt::hash_with_salt(password, rounds, raw)
                .map(|parts| parts.format_for_version(version))
                .map_err(|error| CryptError::Failed(error.to_string()))
        }
    }
}

fn random_salt(length: usize) -> Result<String, CryptError> {
    let bytes = random::bytes::<64>()?;
    Ok(bytes.iter().cycle().take(length).map(|byte| ALPHABET[usize::from(byte & 63)] as char).collect())
}

/// The 16 bytes 22 characters stand for; the last one's spare bits are dropped, as passlib repairs them.
fn bcrypt_salt(text: &str) -> Option<[u8; 16]> {
    let mut raw = [0; 16];
    if text.len() != 22 {
        return None;
    }
    let mut bits: u32 = 0;
    let mut have = 0;
    let mut at = 0;
    for byte in text.bytes() {
        let value = BCRYPT_ALPHABET.iter().position(|b| *b == byte)?;
        bits = bits << 6 | value as u32;
        have += 6;
        if have >= 8 && at < raw.len() {
            have -= 8;
            raw[at] = (bits >> have) as u8;
            at += 1;
        }
    }
    Some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every expectation was made by ansible-core's `do_encrypt` with passlib 1.7.4.
    #[test]
    fn hashes_are_passlibs() {
        let long = "x".repeat(100);
        let wide = "é".repeat(40);
        for (password, name, salt, rounds, want) in [
            (
                "pw",
                "sha512",
                "saltsalt",
                Some(5000),
                "$6$saltsalt$pauPrmdmG4BTE9h2HPmywiw152IFch6BJCEsaY6D.PLTfpV8sqvXwWdyfsgVgozkYH9B80bAip/08R2BPH2xk/",
            ),
            (
                "pw",
                "sha512_crypt",
                "saltsalt",
                Some(10000),
                "$6$rounds=10000$saltsalt$PCkl82bcVNZUyS5el2MR9Coq8KSFAH2TLAV2NKcVGH1Dq51jMRJNvf2NrUOE/Sv9WOINUlZWqywN9lCRzMZF.1",
            ),
            (
                "pw",
                "sha512",
                "saltsalt",
                None,
                "$6$rounds=656000$saltsalt$JEklmo18QDRJICgly.JaHaLrPMO2enY/zqc7n8wa/M1Pm/3o//x2DcpQ/Y2KkrrP./b2XHUSe09sxTJiD5VWx1",
            ),
            ("pw", "sha256", "saltsalt", None, "$5$rounds=535000$saltsalt$DV/wdBU9TkuhhcQfLffJ5EE3oF.grHgoEMJBmRv0tP2"),
            (&long, "sha256", "saltsalt", Some(5000), "$5$saltsalt$KYdc3hjfAdyHM6XPspIq1FaqoDPA6x.vXCibKNANhR3"),
            (
                &wide,
                "sha512",
                "saltsalt",
                Some(5000),
                "$6$saltsalt$8O3g60cILdfUx6FonDgUMywOFhBf9wMAV2LAuyIbRbpxxa/l4qOaBsuK5zlBNcEXy/jhi7MmkhNBGZ.0SUkbi/",
            ),
            (
                "",
                "sha512",
                "saltsalt",
                Some(5000),
                "$6$saltsalt$qkTgsCrWMTAS9gBGcf9W60sFfH.hU0oTCAOJjhbz5tSp/sU3/xXZK4OFwCtq8lIIdpJ6CatVdOTSHKp97TPkt/",
            ),
            ("pw", "md5", "saltsalt", None, "$1$saltsalt$6SNdNaZLKst2LlSm7oPPL1"),
            (
                "pw",
                "blowfish",
                "1234567890123456789012",
                Some(5),
                "$2b$05$123456789012345678901uztUQIoyLDxaIUgJ.x54aS6eyLIVBeKi",
            ),
            (
                "pw",
                "bcrypt",
                "123456789012345678901u",
                Some(5),
                "$2b$05$123456789012345678901uztUQIoyLDxaIUgJ.x54aS6eyLIVBeKi",
            ),
            (
                "pw",
                "bcrypt",
                "1234567890123456789012",
                None,
                "$2b$12$123456789012345678901ur8.t6rMyOWgNT79nPonFt8j1PTEo93G",
            ),
        ] {
            let options = CryptOptions { salt: Some(salt), rounds, ..CryptOptions::default() };
            assert_eq!(hash(password, Scheme::by_name(name).unwrap(), options).unwrap(), want, "{name}");
        }
        let options =
            CryptOptions { salt: Some("1234567890123456789012"), rounds: Some(5), ident: Some("2a"), salt_size: None };
        assert!(hash("pw", Scheme::Bcrypt, options).unwrap().starts_with("$2a$05$"));
    }

    #[test]
    fn what_passlib_refuses_is_refused() {
        let fail = |name: &str, salt: &str, rounds| {
            let options = CryptOptions { salt: Some(salt), rounds, ..CryptOptions::default() };
            hash("pw", Scheme::by_name(name).unwrap(), options).unwrap_err().to_string()
        };
        assert_eq!(
            fail("sha512", "bad salt!", None),
            "could not hash the secret: invalid characters in sha512_crypt salt"
        );
        assert_eq!(
            fail("sha512", "toolongsalttoolongsalt", None),
            "could not hash the secret: salt too large (sha512_crypt requires <= 16 chars)"
        );
        assert_eq!(
            fail("bcrypt", "short", None),
            "could not hash the secret: salt too small (bcrypt requires 22 chars)"
        );
        assert!(fail("sha512", "saltsalt", Some(100)).contains("between 1000"));
        assert!(Scheme::by_name("nope").unwrap_err().to_string().starts_with("nope is not in the list"));
        let random =
            hash("pw", Scheme::Sha512, CryptOptions { rounds: Some(1000), ..CryptOptions::default() }).unwrap();
        assert_eq!(random.split('$').nth(3).unwrap().len(), 16);
    }
}
