//! Public keys, curves and digests.

use num_bigint::{BigInt, Sign};
use rplay_value::{Map, Value};
use rsa::pkcs1::DecodeRsaPublicKey as _;
use rsa::{Pkcs1v15Sign, RsaPublicKey};
use sha2::Digest as _;

use super::der::{self, Reader};
use super::{X509Error, oid, pem};

/// The largest RSA key that is read, in bits: as large as OpenSSL takes.
const LARGEST: usize = 16384;

/// A digest that signatures are made over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Digest {
    /// Only read, never written: no certificate is signed over it any more.
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Digest {
    /// By community.crypto's name.
    pub(crate) fn find(name: &str) -> Option<Self> {
        Some(match name {
            "sha1" => Self::Sha1,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            _ => return None,
        })
    }

    fn of(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => sha1::Sha1::digest(message).to_vec(),
            Self::Sha224 => sha2::Sha224::digest(message).to_vec(),
            Self::Sha256 => sha2::Sha256::digest(message).to_vec(),
            Self::Sha384 => sha2::Sha384::digest(message).to_vec(),
            Self::Sha512 => sha2::Sha512::digest(message).to_vec(),
        }
    }

    fn padding(self) -> Pkcs1v15Sign {
        match self {
            Self::Sha1 => Pkcs1v15Sign::new::<sha1::Sha1>(),
            Self::Sha224 => Pkcs1v15Sign::new::<sha2::Sha224>(),
            Self::Sha256 => Pkcs1v15Sign::new::<sha2::Sha256>(),
            Self::Sha384 => Pkcs1v15Sign::new::<sha2::Sha384>(),
            Self::Sha512 => Pkcs1v15Sign::new::<sha2::Sha512>(),
        }
    }

    /// For `rsa`'s interface: the padding scheme and the digest of a message.
    pub(crate) fn for_rsa(self, message: &[u8]) -> (Pkcs1v15Sign, Vec<u8>) {
        (self.padding(), self.of(message))
    }

    /// The digest of a message, at least as long as the numbers of the curve ask for. Leading zeros change nothing: the
    /// digest is a number.
    pub(crate) fn for_curve(self, curve: Curve, message: &[u8]) -> Vec<u8> {
        let digest = self.of(message);
        let mut padded = vec![0; curve.bytes().saturating_sub(digest.len())];
        padded.extend(digest);
        padded
    }

    pub(crate) fn rsa_oid(self) -> &'static str {
        match self {
            Self::Sha1 => "1.2.840.113549.1.1.5",
            Self::Sha224 => "1.2.840.113549.1.1.14",
            Self::Sha256 => "1.2.840.113549.1.1.11",
            Self::Sha384 => "1.2.840.113549.1.1.12",
            Self::Sha512 => "1.2.840.113549.1.1.13",
        }
    }

    pub(crate) fn ecdsa_oid(self) -> &'static str {
        match self {
            Self::Sha1 => "1.2.840.10045.4.1",
            Self::Sha224 => "1.2.840.10045.4.3.1",
            Self::Sha256 => "1.2.840.10045.4.3.2",
            Self::Sha384 => "1.2.840.10045.4.3.3",
            Self::Sha512 => "1.2.840.10045.4.3.4",
        }
    }

    fn of_algorithm(oid: &str) -> Option<Self> {
        [Self::Sha1, Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512]
            .into_iter()
            .find(|digest| digest.rsa_oid() == oid || digest.ecdsa_oid() == oid)
    }
}

/// An elliptic curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    Secp256k1,
    Secp256r1,
    Secp384r1,
    Secp521r1,
}

/// The same call on the crate of each curve.
macro_rules! on_curve {
    ($curve:expr, $krate:ident => $body:expr) => {
        match $curve {
            Curve::Secp256k1 => {
                use k256 as $krate;
                $body
            }
            Curve::Secp256r1 => {
                use p256 as $krate;
                $body
            }
            Curve::Secp384r1 => {
                use p384 as $krate;
                $body
            }
            Curve::Secp521r1 => {
                use p521 as $krate;
                $body
            }
        }
    };
}

impl Curve {
    const ALL: [Self; 4] = [Self::Secp256k1, Self::Secp256r1, Self::Secp384r1, Self::Secp521r1];

    /// By name.
    pub(crate) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.name() == name)
    }

    pub(crate) fn of_oid(oid: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.oid() == oid)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Secp256k1 => "secp256k1",
            Self::Secp256r1 => "secp256r1",
            Self::Secp384r1 => "secp384r1",
            Self::Secp521r1 => "secp521r1",
        }
    }

    pub(crate) fn oid(self) -> &'static str {
        match self {
            Self::Secp256k1 => "1.3.132.0.10",
            Self::Secp256r1 => "1.2.840.10045.3.1.7",
            Self::Secp384r1 => "1.3.132.0.34",
            Self::Secp521r1 => "1.3.132.0.35",
        }
    }

    /// Bits of a private key.
    pub(crate) fn bits(self) -> usize {
        match self {
            Self::Secp256k1 | Self::Secp256r1 => 256,
            Self::Secp384r1 => 384,
            Self::Secp521r1 => 521,
        }
    }

    pub(crate) fn bytes(self) -> usize {
        self.bits().div_ceil(8)
    }

    /// The public point of a private key, uncompressed; `None` when the number is no key of this curve.
    pub(crate) fn point(self, secret: &[u8]) -> Option<Vec<u8>> {
        on_curve!(self, curve => {
            let key = curve::ecdsa::SigningKey::from_slice(secret).ok()?;
            Some(key.verifying_key().to_sec1_point(false).as_bytes().to_vec())
        })
    }

    /// The uncompressed form of a point of this curve.
    pub(crate) fn uncompressed(self, point: &[u8]) -> Option<Vec<u8>> {
        on_curve!(self, curve => {
            let key = curve::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
            Some(key.to_sec1_point(false).as_bytes().to_vec())
        })
    }

    /// A signature in DER over a digest.
    pub(crate) fn sign(self, secret: &[u8], digest: &[u8]) -> Option<Vec<u8>> {
        use p256::ecdsa::signature::hazmat::PrehashSigner as _;
        on_curve!(self, curve => {
            let key = curve::ecdsa::SigningKey::from_slice(secret).ok()?;
            let signature: curve::ecdsa::Signature = key.sign_prehash(digest).ok()?;
            Some(signature.to_der().as_bytes().to_vec())
        })
    }

    fn verify(self, point: &[u8], digest: &[u8], signature: &[u8]) -> bool {
        use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
        on_curve!(self, curve => {
            let Ok(key) = curve::ecdsa::VerifyingKey::from_sec1_bytes(point) else { return false };
            let Ok(signature) = curve::ecdsa::Signature::from_der(signature) else { return false };
            key.verify_prehash(digest, &signature).is_ok()
        })
    }
}

/// What a public key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PublicKind {
    /// Modulus and exponent, big-endian.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A point, uncompressed.
    Ec {
        curve: Curve,
        point: Vec<u8>,
    },
    Ed25519([u8; 32]),
    X25519([u8; 32]),
    /// One that is not handled natively, by the name of its algorithm.
    Other(String),
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicKey {
    /// What it is.
    pub(crate) kind: PublicKind,
    /// As `SubjectPublicKeyInfo`.
    pub(crate) spki: Vec<u8>,
}

pub(crate) const RSA: &str = "1.2.840.113549.1.1.1";
pub(crate) const EC: &str = "1.2.840.10045.2.1";
pub(crate) const ED25519: &str = "1.3.101.112";
pub(crate) const X25519: &str = "1.3.101.110";

impl PublicKey {
    /// A key of this kind, which is a known one.
    pub(crate) fn new(kind: PublicKind) -> Result<Self, X509Error> {
        let (algorithm, bits) = match &kind {
            PublicKind::Rsa { n, e } => (
                der::sequence(&[&der::oid(RSA)?, &der::tlv(der::NULL, &[])]),
                der::sequence(&[&der::unsigned(n), &der::unsigned(e)]),
            ),
            PublicKind::Ec { curve, point } => {
                (der::sequence(&[&der::oid(EC)?, &der::oid(curve.oid())?]), point.clone())
            }
            PublicKind::Ed25519(bytes) => (der::sequence(&[&der::oid(ED25519)?]), bytes.to_vec()),
            PublicKind::X25519(bytes) => (der::sequence(&[&der::oid(X25519)?]), bytes.to_vec()),
            PublicKind::Other(name) => return Err(X509Error::Beyond(format!("a key of type {name}"))),
        };
        Ok(Self { kind, spki: der::sequence(&[&algorithm, &der::bits(&bits)]) })
    }

    /// From a `SubjectPublicKeyInfo`.
    pub(crate) fn parse(spki: &[u8]) -> Result<Self, X509Error> {
        let mut reader = Reader::new(spki).inside(der::SEQUENCE)?;
        let mut algorithm = reader.inside(der::SEQUENCE)?;
        let name = algorithm.oid()?;
        let bits = reader.bits()?;
        let fixed = |bytes: &[u8]| bytes.try_into().map_err(|_| X509Error::bad("the public key has the wrong length"));
        let kind = match name.as_str() {
            RSA => {
                let mut numbers = Reader::new(bits).inside(der::SEQUENCE)?;
                PublicKind::Rsa { n: numbers.unsigned()?.to_vec(), e: numbers.unsigned()?.to_vec() }
            }
            EC if algorithm.peek() == Some(der::OID) => {
                let named = algorithm.oid()?;
                match Curve::of_oid(&named) {
                    Some(curve) => {
                        let point = curve.uncompressed(bits);
                        let point = point.ok_or_else(|| X509Error::bad("the public key is no point of its curve"))?;
                        PublicKind::Ec { curve, point }
                    }
                    None => PublicKind::Other(format!("ECC on the curve {}", oid::name(&named))),
                }
            }
            ED25519 => PublicKind::Ed25519(fixed(bits)?),
            X25519 => PublicKind::X25519(fixed(bits)?),
            other => PublicKind::Other(oid::name(other).to_owned()),
        };
        Ok(Self { kind, spki: spki.to_vec() })
    }

    /// As PEM.
    pub(crate) fn pem(&self) -> String {
        pem::encode("PUBLIC KEY", &self.spki)
    }

    /// community.crypto's name of the type.
    pub(crate) fn type_name(&self) -> String {
        match &self.kind {
            PublicKind::Rsa { .. } => "RSA".to_owned(),
            PublicKind::Ec { .. } => "ECC".to_owned(),
            PublicKind::Ed25519(_) => "Ed25519".to_owned(),
            PublicKind::X25519(_) => "X25519".to_owned(),
            PublicKind::Other(name) => format!("unknown ({name})"),
        }
    }

    /// community.crypto's `public_data`.
    pub(crate) fn data(&self) -> Map {
        match &self.kind {
            PublicKind::Rsa { n, e } => Map::from_iter([
                ("size", Value::from(bit_length(n) as i64)),
                ("modulus", number(n)),
                ("exponent", number(e)),
            ]),
            PublicKind::Ec { curve, point } => {
                let (x, y) = point[1..].split_at(curve.bytes());
                Map::from_iter([
                    ("curve", Value::from(curve.name())),
                    ("x", number(x)),
                    ("y", number(y)),
                    ("exponent_size", Value::from(curve.bits() as i64)),
                ])
            }
            PublicKind::Ed25519(_) | PublicKind::X25519(_) | PublicKind::Other(_) => Map::new(),
        }
    }

    /// Whether a signature is this key's, by the algorithm that stands beside the signature.
    pub(crate) fn verify(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> Result<bool, X509Error> {
        if let PublicKind::Ed25519(bytes) = &self.kind {
            use ed25519_dalek::ed25519::signature::Verifier as _;
            let Ok(key) = ed25519_dalek::VerifyingKey::from_bytes(bytes) else { return Ok(false) };
            let Ok(signature) = ed25519_dalek::Signature::from_slice(signature) else { return Ok(false) };
            return Ok(algorithm == ED25519 && key.verify(message, &signature).is_ok());
        }
        let digest = Digest::of_algorithm(algorithm);
        match (&self.kind, digest) {
            (PublicKind::Rsa { n, e }, Some(digest)) if algorithm == digest.rsa_oid() => {
                let numbers = der::sequence(&[&der::unsigned(n), &der::unsigned(e)]);
                let key = rsa_key(&numbers)?;
                let (padding, hashed) = digest.for_rsa(message);
                Ok(key.verify(padding, &hashed, signature).is_ok())
            }
            (PublicKind::Ec { curve, point }, Some(digest)) if algorithm == digest.ecdsa_oid() => {
                Ok(curve.verify(point, &digest.for_curve(*curve, message), signature))
            }
            (PublicKind::Rsa { .. } | PublicKind::Ec { .. } | PublicKind::X25519(_), Some(_)) => Ok(false),
            (PublicKind::Other(name), _) => Err(X509Error::Beyond(format!("a key of type {name}"))),
            (_, None) => Err(X509Error::Beyond(format!("the signature algorithm {}", oid::name(algorithm)))),
            (PublicKind::Ed25519(_), _) => Ok(false),
        }
    }

    /// What a subject key identifier is made of: SHA-1 of the key's bits.
    pub(crate) fn identifier(&self) -> Result<Vec<u8>, X509Error> {
        let mut reader = Reader::new(&self.spki).inside(der::SEQUENCE)?;
        reader.expect(der::SEQUENCE)?;
        Ok(sha1::Sha1::digest(reader.bits()?).to_vec())
    }
}

fn rsa_key(pkcs1: &[u8]) -> Result<RsaPublicKey, X509Error> {
    let key = RsaPublicKey::from_pkcs1_der(pkcs1);
    key.map_err(|error| X509Error::bad(format!("the RSA key is refused (the largest has {LARGEST} bits): {error}")))
}

/// Bits of a number without its leading zeros.
pub(crate) fn bit_length(bytes: &[u8]) -> usize {
    match bytes.iter().position(|b| *b != 0) {
        Some(start) => (bytes.len() - start) * 8 - bytes[start].leading_zeros() as usize,
        None => 0,
    }
}

/// Big-endian bytes as a number of any size.
pub(crate) fn number(bytes: &[u8]) -> Value {
    Value::from_bigint(BigInt::from_bytes_be(Sign::Plus, bytes))
}
