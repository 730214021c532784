//! Private keys: made, read, written, used.

use ed25519_dalek::ed25519::signature::Signer as _;
use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _};
use rsa::traits::PublicKeyParts as _;
use rsa::{RsaPrivateKey, rand_core::UnwrapErr};
use zeroize::Zeroizing;

use super::der::{self, Reader};
use super::key::{Curve, Digest, EC, ED25519, PublicKey, PublicKind, RSA, X25519};
use super::pem::{self, Form, Pem};
use super::{X509Error, encryption, oid, random};

/// A private key.
#[derive(Clone)]
pub(crate) enum PrivateKey {
    Rsa(Box<RsaPrivateKey>),
    Ec { curve: Curve, secret: Zeroizing<Vec<u8>> },
    Ed25519(Zeroizing<[u8; 32]>),
    X25519(Zeroizing<[u8; 32]>),
}

/// What stands after BEGIN, and what between the lines.
type Labelled = (&'static str, Zeroizing<Vec<u8>>);

/// community.crypto's message about a key that cannot be read.
pub(crate) fn unreadable(why: &str) -> X509Error {
    X509Error::Bad(format!("Wrong passphrase provided for private key, or private key cannot be parsed: {why}"))
}

fn damaged<E: std::fmt::Display>(error: E) -> X509Error {
    unreadable(&error.to_string())
}

impl PrivateKey {
    /// A new RSA key with the exponent that everybody uses.
    pub(crate) fn new_rsa(bits: usize) -> Result<Self, X509Error> {
        let mut rng = UnwrapErr(getrandom::SysRng);
        let key = RsaPrivateKey::new(&mut rng, bits)
            .map_err(|error| X509Error::bad(format!("an RSA key of {bits} bits cannot be made: {error}")))?;
        Ok(Self::Rsa(Box::new(key)))
    }

    /// A new key on a curve.
    pub(crate) fn new_ec(curve: Curve) -> Result<Self, X509Error> {
        let mut secret = Zeroizing::new(vec![0; curve.bytes()]);
        loop {
            random(&mut secret)?;
            if curve == Curve::Secp521r1 {
                secret[0] &= 1;
            }
            // Numbers that are not below the order of the curve are no keys.
            if curve.point(&secret).is_some() {
                return Ok(Self::Ec { curve, secret });
            }
        }
    }

    /// A new Ed25519 key.
    pub(crate) fn new_ed25519() -> Result<Self, X509Error> {
        let mut secret = Zeroizing::new([0; 32]);
        random(secret.as_mut_slice())?;
        Ok(Self::Ed25519(secret))
    }

    /// A new X25519 key.
    pub(crate) fn new_x25519() -> Result<Self, X509Error> {
        let mut secret = Zeroizing::new([0; 32]);
        random(secret.as_mut_slice())?;
        Ok(Self::X25519(secret))
    }

    /// Reads PEM of any form. A passphrase for a key without one is as wrong as none for a key with one, as
    /// Python's cryptography has it.
    pub(crate) fn load(content: &[u8], passphrase: Option<&str>) -> Result<Self, X509Error> {
        let pem =
            Pem::find(content, |label| label == "PRIVATE KEY" || label.ends_with(" PRIVATE KEY")).map_err(damaged)?;
        let traditional = pem.header("Proc-Type").is_some();
        let sealed = traditional || pem.label == "ENCRYPTED PRIVATE KEY";
        let opened = match (sealed, passphrase) {
            (false, None) => Zeroizing::new(pem.bytes.clone()),
            (true, Some(passphrase)) if traditional => encryption::open_traditional(&pem, passphrase)?,
            (true, Some(passphrase)) => encryption::open_pkcs8(&pem.bytes, passphrase)?,
            _ => return Err(X509Error::Passphrase),
        };
        match pem.label.as_str() {
            "PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" => Self::from_pkcs8(&opened),
            "RSA PRIVATE KEY" => Self::from_pkcs1(&opened),
            "EC PRIVATE KEY" => Self::from_sec1(&opened, None),
            other => Err(X509Error::Beyond(format!("a private key in the form {other}"))),
        }
    }

    /// Reads the bare bytes of a key: X25519 unless Ed25519 is wanted.
    pub(crate) fn from_raw(content: &[u8], is_ed25519: bool) -> Result<Self, X509Error> {
        if let 56 | 57 = content.len() {
            return Err(X509Error::Beyond("a raw key of type X448 or Ed448".to_owned()));
        }
        let bytes: [u8; 32] = content.try_into().map_err(|_| X509Error::bad("Cannot load raw key"))?;
        let bytes = Zeroizing::new(bytes);
        Ok(if is_ed25519 { Self::Ed25519(bytes) } else { Self::X25519(bytes) })
    }

    fn from_pkcs1(bytes: &[u8]) -> Result<Self, X509Error> {
        Ok(Self::Rsa(Box::new(RsaPrivateKey::from_pkcs1_der(bytes).map_err(damaged)?)))
    }

    fn from_sec1(bytes: &[u8], curve: Option<Curve>) -> Result<Self, X509Error> {
        let mut reader = Reader::new(bytes).inside(der::SEQUENCE).map_err(damaged)?;
        reader.unsigned().map_err(damaged)?;
        let secret = reader.expect(der::OCTET_STRING).map_err(damaged)?;
        let curve = match (curve, reader.optional(der::context(0)).map_err(damaged)?) {
            (Some(curve), _) => curve,
            (None, Some(parameters)) => named_curve(&mut Reader::new(parameters))?,
            (None, None) => return Err(unreadable("the curve is not named")),
        };
        let mut padded = Zeroizing::new(vec![0; curve.bytes().saturating_sub(secret.len())]);
        padded.extend(secret);
        if curve.point(&padded).is_none() {
            return Err(unreadable("the number is no key of its curve"));
        }
        Ok(Self::Ec { curve, secret: padded })
    }

    fn from_pkcs8(bytes: &[u8]) -> Result<Self, X509Error> {
        let mut reader = Reader::new(bytes).inside(der::SEQUENCE).map_err(damaged)?;
        reader.unsigned().map_err(damaged)?;
        let mut algorithm = reader.inside(der::SEQUENCE).map_err(damaged)?;
        let name = algorithm.oid().map_err(damaged)?;
        let inner = reader.expect(der::OCTET_STRING).map_err(damaged)?;
        let short = || -> Result<Zeroizing<[u8; 32]>, X509Error> {
            let bytes = Reader::new(inner).expect(der::OCTET_STRING).map_err(damaged)?;
            Ok(Zeroizing::new(bytes.try_into().map_err(|_| unreadable("the key has the wrong length"))?))
        };
        match name.as_str() {
            RSA => Self::from_pkcs1(inner),
            EC => Self::from_sec1(inner, Some(named_curve(&mut algorithm)?)),
            ED25519 => short().map(Self::Ed25519),
            X25519 => short().map(Self::X25519),
            other => Err(X509Error::Beyond(format!("a private key of type {}", oid::name(other)))),
        }
    }

    /// The public half.
    pub(crate) fn public(&self) -> Result<PublicKey, X509Error> {
        PublicKey::new(match self {
            Self::Rsa(key) => PublicKind::Rsa { n: key.n_bytes().into_vec(), e: key.e_bytes().into_vec() },
            Self::Ec { curve, secret } => PublicKind::Ec {
                curve: *curve,
                point: curve.point(secret).ok_or_else(|| unreadable("the number is no key of its curve"))?,
            },
            Self::Ed25519(secret) => {
                PublicKind::Ed25519(ed25519_dalek::SigningKey::from_bytes(secret).verifying_key().to_bytes())
            }
            Self::X25519(secret) => {
                let secret = x25519_dalek::StaticSecret::from(**secret);
                PublicKind::X25519(x25519_dalek::PublicKey::from(&secret).to_bytes())
            }
        })
    }

    /// Whether it can sign requests and certificates.
    pub(crate) fn signs(&self) -> bool {
        !matches!(self, Self::X25519(_))
    }

    /// Whether signing takes a digest.
    pub(crate) fn wants_digest(&self) -> bool {
        !matches!(self, Self::Ed25519(_))
    }

    /// The name of its type in messages.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RSA",
            Self::Ec { .. } => "ECC",
            Self::Ed25519(_) => "Ed25519",
            Self::X25519(_) => "X25519",
        }
    }

    /// The numbers that are secret, as community.crypto's `private_data` has them.
    pub(crate) fn data(&self) -> Result<rplay_value::Map, X509Error> {
        use super::key::number;
        Ok(match self {
            Self::Rsa(key) => {
                let pkcs1 = key.to_pkcs1_der().map_err(damaged)?;
                let mut reader = Reader::new(pkcs1.as_bytes()).inside(der::SEQUENCE)?;
                for _ in 0..3 {
                    reader.unsigned()?;
                }
                let exponent = number(reader.unsigned()?);
                let (p, q) = (number(reader.unsigned()?), number(reader.unsigned()?));
                rplay_value::Map::from_iter([("p", p), ("q", q), ("exponent", exponent)])
            }
            Self::Ec { secret, .. } => rplay_value::Map::from_iter([("multiplier", number(secret))]),
            Self::Ed25519(_) | Self::X25519(_) => rplay_value::Map::new(),
        })
    }

    /// The key in one of its forms. `None`: the key does not have that form.
    pub(crate) fn encode(&self, form: Form, passphrase: Option<&str>) -> Result<Option<Zeroizing<Vec<u8>>>, X509Error> {
        let text = |text: String| Some(Zeroizing::new(text.into_bytes()));
        Ok(match form {
            Form::Pkcs1 => {
                let Some((label, der)) = self.traditional()? else { return Ok(None) };
                match passphrase {
                    None => text(pem::encode(label, &der)),
                    Some(passphrase) => {
                        let (headers, sealed) = encryption::seal_traditional(&der, passphrase)?;
                        text(pem::encode_with(label, &headers, &sealed))
                    }
                }
            }
            Form::Pkcs8 => match passphrase {
                None => text(pem::encode("PRIVATE KEY", &self.pkcs8()?)),
                Some(passphrase) => {
                    text(pem::encode("ENCRYPTED PRIVATE KEY", &encryption::seal_pkcs8(&self.pkcs8()?, passphrase)?))
                }
            },
            Form::Raw | Form::Unknown => match self {
                Self::Ed25519(secret) | Self::X25519(secret) if passphrase.is_none() => {
                    Some(Zeroizing::new(secret.to_vec()))
                }
                _ => None,
            },
        })
    }

    fn traditional(&self) -> Result<Option<Labelled>, X509Error> {
        Ok(match self {
            Self::Rsa(key) => {
                Some(("RSA PRIVATE KEY", Zeroizing::new(key.to_pkcs1_der().map_err(damaged)?.as_bytes().to_vec())))
            }
            Self::Ec { curve, secret } => Some(("EC PRIVATE KEY", sec1(*curve, secret, true)?)),
            Self::Ed25519(_) | Self::X25519(_) => None,
        })
    }

    fn pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, X509Error> {
        let (algorithm, inner) = match self {
            Self::Rsa(key) => (
                der::sequence(&[&der::oid(RSA)?, &der::tlv(der::NULL, &[])]),
                Zeroizing::new(key.to_pkcs1_der().map_err(damaged)?.as_bytes().to_vec()),
            ),
            Self::Ec { curve, secret } => {
                (der::sequence(&[&der::oid(EC)?, &der::oid(curve.oid())?]), sec1(*curve, secret, false)?)
            }
            Self::Ed25519(secret) => {
                (der::sequence(&[&der::oid(ED25519)?]), Zeroizing::new(der::tlv(der::OCTET_STRING, &**secret)))
            }
            Self::X25519(secret) => {
                (der::sequence(&[&der::oid(X25519)?]), Zeroizing::new(der::tlv(der::OCTET_STRING, &**secret)))
            }
        };
        let inner = Zeroizing::new(der::tlv(der::OCTET_STRING, &inner));
        Ok(Zeroizing::new(der::sequence(&[&der::unsigned(&[0]), &algorithm, &inner])))
    }

    /// Signs: the algorithm's identifier in DER, and the signature.
    pub(crate) fn sign(&self, digest: Digest, message: &[u8]) -> Result<(Vec<u8>, Vec<u8>), X509Error> {
        let failed = || X509Error::bad(format!("a key of type {} cannot sign this", self.type_name()));
        Ok(match self {
            Self::Rsa(key) => {
                let (padding, hashed) = digest.for_rsa(message);
                let mut rng = UnwrapErr(getrandom::SysRng);
                let signature = key.sign_with_rng(&mut rng, padding, &hashed).map_err(|_| failed())?;
                (der::sequence(&[&der::oid(digest.rsa_oid())?, &der::tlv(der::NULL, &[])]), signature)
            }
            Self::Ec { curve, secret } => {
                let signature = curve.sign(secret, &digest.for_curve(*curve, message)).ok_or_else(failed)?;
                (der::sequence(&[&der::oid(digest.ecdsa_oid())?]), signature)
            }
            Self::Ed25519(secret) => {
                let signature = ed25519_dalek::SigningKey::from_bytes(secret).sign(message);
                (der::sequence(&[&der::oid(ED25519)?]), signature.to_bytes().to_vec())
            }
            Self::X25519(_) => return Err(failed()),
        })
    }
}

fn named_curve(reader: &mut Reader<'_>) -> Result<Curve, X509Error> {
    if reader.peek() != Some(der::OID) {
        return Err(X509Error::Beyond("a curve that is not named but described".to_owned()));
    }
    let name = reader.oid().map_err(damaged)?;
    Curve::of_oid(&name).ok_or_else(|| X509Error::Beyond(format!("the curve {}", oid::name(&name))))
}

/// `ECPrivateKey`, with the curve's name where nothing else says it.
fn sec1(curve: Curve, secret: &[u8], named: bool) -> Result<Zeroizing<Vec<u8>>, X509Error> {
    let point = curve.point(secret).ok_or_else(|| unreadable("the number is no key of its curve"))?;
    let name = if named { der::tlv(der::context(0), &der::oid(curve.oid())?) } else { Vec::new() };
    let secret = Zeroizing::new(der::tlv(der::OCTET_STRING, secret));
    Ok(Zeroizing::new(der::sequence(&[
        &der::unsigned(&[1]),
        &secret,
        &name,
        &der::tlv(der::context(1), &der::bits(&point)),
    ])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_kind() -> Vec<PrivateKey> {
        vec![
            PrivateKey::new_rsa(1024).unwrap(),
            PrivateKey::new_ec(Curve::Secp256k1).unwrap(),
            PrivateKey::new_ec(Curve::Secp256r1).unwrap(),
            PrivateKey::new_ec(Curve::Secp384r1).unwrap(),
            PrivateKey::new_ec(Curve::Secp521r1).unwrap(),
            PrivateKey::new_ed25519().unwrap(),
            PrivateKey::new_x25519().unwrap(),
        ]
    }

    #[test]
    fn keys_come_back_from_every_form() {
        for key in every_kind() {
            for form in [Form::Pkcs1, Form::Pkcs8] {
                for passphrase in [None, Some("s3cret")] {
                    let Some(written) = key.encode(form, passphrase).unwrap() else {
                        assert!(form == Form::Pkcs1 && matches!(key.type_name(), "Ed25519" | "X25519"));
                        continue;
                    };
                    assert_eq!(pem::form(&written), form);
                    let read = PrivateKey::load(&written, passphrase).unwrap();
                    assert_eq!(read.public().unwrap(), key.public().unwrap());
                    let other = if passphrase.is_some() { None } else { Some("x") };
                    assert!(matches!(PrivateKey::load(&written, other), Err(X509Error::Passphrase)));
                    if passphrase.is_some() {
                        assert!(PrivateKey::load(&written, Some("wrong")).is_err());
                    }
                }
            }
            let parsed = PublicKey::parse(&key.public().unwrap().spki).unwrap();
            assert_eq!(parsed, key.public().unwrap());
        }
    }

    #[test]
    fn signatures_are_the_keys_own() {
        for key in every_kind() {
            for digest in [Digest::Sha256, Digest::Sha384, Digest::Sha512] {
                let Ok((algorithm, signature)) = key.sign(digest, b"message") else {
                    assert_eq!(key.type_name(), "X25519");
                    continue;
                };
                let name = Reader::new(&algorithm).inside(der::SEQUENCE).unwrap().oid().unwrap();
                let public = key.public().unwrap();
                assert!(public.verify(&name, b"message", &signature).unwrap(), "{} {digest:?}", key.type_name());
                assert!(!public.verify(&name, b"other", &signature).unwrap());
            }
        }
    }
}
