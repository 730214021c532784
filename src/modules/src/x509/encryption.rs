//! Private keys under a passphrase: PBES2 around PKCS#8, and OpenSSL's own way inside PEM headers.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use sha2::Digest as _;
use zeroize::Zeroizing;

use super::der::{self, Reader};
use super::pem::Pem;
use super::{X509Error, oid, random};

const PBES2: &str = "1.2.840.113549.1.5.13";
const PBKDF2: &str = "1.2.840.113549.1.5.12";
const HMAC_SHA1: &str = "1.2.840.113549.2.7";
const HMAC_SHA256: &str = "1.2.840.113549.2.9";
const HMAC_SHA384: &str = "1.2.840.113549.2.10";
const HMAC_SHA512: &str = "1.2.840.113549.2.11";
const AES_256_CBC: &str = "2.16.840.1.101.3.4.1.42";

/// How often a passphrase is hashed: slow enough to hinder guessing, fast enough for a play.
const ROUNDS: u32 = 100_000;

fn wrong() -> X509Error {
    super::private_key::unreadable("Incorrect password, could not decrypt key")
}

/// AES in CBC mode, by the length of the key.
fn decrypt_aes(key: &[u8], iv: &[u8], data: &[u8]) -> Result<Zeroizing<Vec<u8>>, X509Error> {
    macro_rules! with {
        ($aes:ty) => {
            cbc::Decryptor::<$aes>::new_from_slices(key, iv)
                .map_err(|_| wrong())?
                .decrypt_padded_vec::<Pkcs7>(data)
                .map_err(|_| wrong())
        };
    }
    match key.len() {
        16 => with!(aes::Aes128),
        24 => with!(aes::Aes192),
        _ => with!(aes::Aes256),
    }
    .map(Zeroizing::new)
}

fn encrypt_aes256(key: &[u8], iv: &[u8], data: &[u8]) -> Result<Vec<u8>, X509Error> {
    Ok(cbc::Encryptor::<aes::Aes256>::new_from_slices(key, iv)
        .map_err(|error| X509Error::bad(error.to_string()))?
        .encrypt_padded_vec::<Pkcs7>(data))
}

/// The key inside an `EncryptedPrivateKeyInfo`.
pub(crate) fn open_pkcs8(bytes: &[u8], passphrase: &str) -> Result<Zeroizing<Vec<u8>>, X509Error> {
    let mut outer = Reader::new(bytes).inside(der::SEQUENCE)?;
    let mut algorithm = outer.inside(der::SEQUENCE)?;
    let data = outer.expect(der::OCTET_STRING)?;
    let scheme = algorithm.oid()?;
    let beyond = |what: &str| X509Error::Beyond(format!("a private key encrypted with {}", oid::name(what)));
    if scheme != PBES2 {
        return Err(beyond(&scheme));
    }
    let mut parameters = algorithm.inside(der::SEQUENCE)?;
    let mut derivation = parameters.inside(der::SEQUENCE)?;
    let mut cipher = parameters.inside(der::SEQUENCE)?;
    let function = derivation.oid()?;
    if function != PBKDF2 {
        return Err(beyond(&function));
    }
    let mut derivation = derivation.inside(der::SEQUENCE)?;
    let salt = derivation.expect(der::OCTET_STRING)?;
    let rounds = der::small(derivation.unsigned()?).and_then(|rounds| u32::try_from(rounds).ok()).ok_or_else(wrong)?;
    derivation.optional(der::INTEGER)?;
    let hash = match derivation.optional(der::SEQUENCE)? {
        Some(hash) => Reader::new(hash).oid()?,
        None => HMAC_SHA1.to_owned(),
    };
    let name = cipher.oid()?;
    let length = match name.as_str() {
        "2.16.840.1.101.3.4.1.2" => 16,
        "2.16.840.1.101.3.4.1.22" => 24,
        AES_256_CBC => 32,
        other => return Err(beyond(other)),
    };
    let iv = cipher.expect(der::OCTET_STRING)?;
    let mut key = Zeroizing::new(vec![0; length]);
    let passphrase = passphrase.as_bytes();
    match hash.as_str() {
        HMAC_SHA1 => pbkdf2::pbkdf2_hmac::<sha1::Sha1>(passphrase, salt, rounds, &mut key),
        HMAC_SHA256 => pbkdf2::pbkdf2_hmac::<sha2::Sha256>(passphrase, salt, rounds, &mut key),
        HMAC_SHA384 => pbkdf2::pbkdf2_hmac::<sha2::Sha384>(passphrase, salt, rounds, &mut key),
        HMAC_SHA512 => pbkdf2::pbkdf2_hmac::<sha2::Sha512>(passphrase, salt, rounds, &mut key),
        other => return Err(beyond(other)),
    }
    decrypt_aes(&key, iv, data)
}

/// An `EncryptedPrivateKeyInfo` around a key.
pub(crate) fn seal_pkcs8(pkcs8: &[u8], passphrase: &str) -> Result<Vec<u8>, X509Error> {
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    random(&mut salt)?;
    random(&mut iv)?;
    let mut key = Zeroizing::new([0; 32]);
    pbkdf2::pbkdf2_hmac::<sha2::Sha256>(passphrase.as_bytes(), &salt, ROUNDS, key.as_mut_slice());
    let hash = der::sequence(&[&der::oid(HMAC_SHA256)?, &der::tlv(der::NULL, &[])]);
    let derivation = der::sequence(&[
        &der::oid(PBKDF2)?,
        &der::sequence(&[&der::tlv(der::OCTET_STRING, &salt), &der::unsigned(&ROUNDS.to_be_bytes()), &hash]),
    ]);
    let cipher = der::sequence(&[&der::oid(AES_256_CBC)?, &der::tlv(der::OCTET_STRING, &iv)]);
    let algorithm = der::sequence(&[&der::oid(PBES2)?, &der::sequence(&[&derivation, &cipher])]);
    Ok(der::sequence(&[&algorithm, &der::tlv(der::OCTET_STRING, &encrypt_aes256(&*key, &iv, pkcs8)?)]))
}

/// OpenSSL's key derivation for PEM headers: MD5 over the digest before, the passphrase and the salt.
fn derive(passphrase: &str, salt: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(length + 16));
    let mut block: Vec<u8> = Vec::new();
    while key.len() < length {
        let mut hash = md5::Md5::new();
        hash.update(&block);
        hash.update(passphrase.as_bytes());
        hash.update(salt);
        block = hash.finalize().to_vec();
        key.extend(&block);
    }
    key.truncate(length);
    key
}

/// The key inside a block with `Proc-Type: 4,ENCRYPTED`.
pub(crate) fn open_traditional(pem: &Pem, passphrase: &str) -> Result<Zeroizing<Vec<u8>>, X509Error> {
    let info = pem.header("DEK-Info").ok_or_else(wrong)?;
    let (cipher, iv) = info.split_once(',').ok_or_else(wrong)?;
    let length = match cipher {
        "AES-128-CBC" => 16,
        "AES-192-CBC" => 24,
        "AES-256-CBC" => 32,
        other => return Err(X509Error::Beyond(format!("a private key encrypted with {other}"))),
    };
    let iv = unhex(iv).filter(|iv| iv.len() == 16).ok_or_else(wrong)?;
    decrypt_aes(&derive(passphrase, &iv[..8], length), &iv, &pem.bytes)
}

/// The headers and the content of a block with `Proc-Type: 4,ENCRYPTED`.
pub(crate) fn seal_traditional(der: &[u8], passphrase: &str) -> Result<(String, Vec<u8>), X509Error> {
    let mut iv = [0; 16];
    random(&mut iv)?;
    let content = encrypt_aes256(&derive(passphrase, &iv[..8], 32), &iv, der)?;
    let hex = iv.iter().fold(String::new(), |text, byte| format!("{text}{byte:02X}"));
    Ok((format!("Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,{hex}\n\n"), content))
}

/// Bytes from pairs of hexadecimal digits.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some((digit(&pair[0])? * 16 + digit(pair.get(1)?)?) as u8)).collect()
}
