//! Certificates (X.509).

use jiff::civil::DateTime;

use super::der::{self, Reader};
use super::extension::{self, Extension};
use super::key::{Digest, PublicKey};
use super::name::{self, Attribute};
use super::pem::{self, Pem};
use super::private_key::PrivateKey;
use super::{X509Error, random, when};

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// The whole of it in DER.
    pub(crate) der: Vec<u8>,
    /// 1 or 3.
    pub(crate) version: u64,
    /// Big-endian.
    pub(crate) serial: Vec<u8>,
    /// Names in DER, as they stand in the certificate.
    pub(crate) issuer: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) not_before: DateTime,
    pub(crate) not_after: DateTime,
    pub(crate) key: PublicKey,
    pub(crate) extensions: Vec<Extension>,
    /// Of the signature, dotted.
    pub(crate) algorithm: String,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

/// What goes into a new certificate.
pub(crate) struct Plan<'a> {
    /// Names in DER.
    pub(crate) issuer: &'a [u8],
    pub(crate) subject: &'a [u8],
    pub(crate) serial: &'a [u8],
    pub(crate) not_before: DateTime,
    pub(crate) not_after: DateTime,
    pub(crate) key: &'a PublicKey,
    pub(crate) extensions: &'a [Extension],
}

/// A serial number that nobody can guess: 159 bits, so that it is positive in 20 bytes.
pub(crate) fn new_serial() -> Result<Vec<u8>, X509Error> {
    let mut serial = vec![0; 20];
    random(&mut serial)?;
    serial[0] &= 0x7f;
    Ok(serial)
}

impl Certificate {
    /// From PEM, or where `der` allows it from DER.
    pub(crate) fn load(content: &[u8], der: bool) -> Result<Self, X509Error> {
        if der && pem::form(content) == pem::Form::Raw {
            return Self::parse(content)
                .map_err(|error| X509Error::bad(format!("Cannot parse DER certificate: {error}")));
        }
        Self::parse(&Pem::find_thing(content, "CERTIFICATE", "certificate", "X509 CERTIFICATE")?.bytes)
    }

    /// From DER.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, X509Error> {
        let mut outer = Reader::new(bytes).inside(der::SEQUENCE)?;
        let signed = outer.next()?;
        let algorithm = outer.inside(der::SEQUENCE)?.oid()?;
        let signature = outer.bits()?.to_vec();
        let mut info = Reader::new(signed.content);
        let version = match info.optional(der::context(0))? {
            Some(version) => der::small(Reader::new(version).unsigned()?).unwrap_or(0) + 1,
            None => 1,
        };
        let serial = info.unsigned()?.to_vec();
        info.expect(der::SEQUENCE)?;
        let issuer = info.next()?.whole.to_vec();
        let mut validity = info.inside(der::SEQUENCE)?;
        let (not_before, not_after) = (when::decode(&validity.next()?)?, when::decode(&validity.next()?)?);
        let subject = info.next()?.whole.to_vec();
        let key = PublicKey::parse(info.next()?.whole)?;
        let mut extensions = Vec::new();
        while !info.is_empty() {
            let item = info.next()?;
            if item.tag == der::context(3) {
                extensions = extension::decode(item.content)?;
            }
        }
        Ok(Self {
            der: bytes.to_vec(),
            version,
            serial,
            issuer,
            subject,
            not_before,
            not_after,
            key,
            extensions,
            algorithm,
            signed: signed.whole.to_vec(),
            signature,
        })
    }

    /// A new certificate, signed by the issuer's key.
    pub(crate) fn sign(plan: &Plan<'_>, key: &PrivateKey, digest: Digest) -> Result<Self, X509Error> {
        // The algorithm stands inside what is signed, so it is asked for first.
        let (algorithm, _) = key.sign(digest, b"")?;
        let extensions = if plan.extensions.is_empty() {
            Vec::new()
        } else {
            der::tlv(der::context(3), &extension::encode(plan.extensions)?)
        };
        let info = der::sequence(&[
            &der::tlv(der::context(0), &der::unsigned(&[2])),
            &der::unsigned(plan.serial),
            &algorithm,
            plan.issuer,
            &der::sequence(&[&when::encode(plan.not_before), &when::encode(plan.not_after)]),
            plan.subject,
            &plan.key.spki,
            &extensions,
        ]);
        let (algorithm, signature) = key.sign(digest, &info)?;
        Self::parse(&der::sequence(&[&info, &algorithm, &der::bits(&signature)]))
    }

    /// As PEM.
    pub(crate) fn pem(&self) -> String {
        pem::encode("CERTIFICATE", &self.der)
    }

    /// Whether this key signed it.
    pub(crate) fn is_signed_by(&self, key: &PublicKey) -> Result<bool, X509Error> {
        key.verify(&self.algorithm, &self.signed, &self.signature)
    }

    pub(crate) fn subject_attributes(&self) -> Result<Vec<Attribute>, X509Error> {
        name::decode_name(&self.subject)
    }

    pub(crate) fn issuer_attributes(&self) -> Result<Vec<Attribute>, X509Error> {
        name::decode_name(&self.issuer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::key::Curve;
    use crate::x509::request::Request;

    #[test]
    fn requests_and_certificates_come_back_with_their_signatures() {
        let key = PrivateKey::new_ec(Curve::Secp256r1).unwrap();
        let subject = [Attribute::new("CN", "host").unwrap(), Attribute::new("C", "DE").unwrap()];
        let names = extension::alternative_names(&["DNS:host", "IP:::1"]).unwrap();
        let extensions = [Extension::new(extension::SUBJECT_ALT_NAME, true, names)];
        let request = Request::sign(&subject, &extensions, &key, Digest::Sha384).unwrap();
        let request = Request::load(request.pem().as_bytes()).unwrap();
        assert!(request.is_signed().unwrap());
        assert_eq!((request.attributes.as_slice(), request.extensions.as_slice()), (&subject[..], &extensions[..]));
        let serial = new_serial().unwrap();
        let (not_before, not_after) =
            (when::option("20200101000000Z", "x").unwrap(), when::option("99991231235959Z", "x").unwrap());
        let plan = Plan {
            issuer: &request.subject,
            subject: &request.subject,
            serial: &serial,
            not_before,
            not_after,
            key: &request.key,
            extensions: &request.extensions,
        };
        let certificate = Certificate::sign(&plan, &key, Digest::Sha256).unwrap();
        let certificate = Certificate::load(certificate.pem().as_bytes(), false).unwrap();
        assert!(certificate.is_signed_by(&key.public().unwrap()).unwrap());
        assert!(!certificate.is_signed_by(&PrivateKey::new_ed25519().unwrap().public().unwrap()).unwrap_or(false));
        assert_eq!((certificate.version, certificate.not_before, certificate.not_after), (3, not_before, not_after));
        assert_eq!(Certificate::load(&certificate.der, true).unwrap(), certificate);
        for cut in 0..certificate.der.len() {
            assert!(Certificate::parse(&certificate.der[..cut]).is_err());
        }
    }
}
