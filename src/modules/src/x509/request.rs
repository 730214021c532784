//! Certificate signing requests (PKCS#10).

use super::X509Error;
use super::der::{self, Reader};
use super::extension::{self, Extension};
use super::key::{Digest, PublicKey};
use super::name::{self, Attribute};
use super::pem::Pem;
use super::private_key::PrivateKey;

const EXTENSION_REQUEST: &str = "1.2.840.113549.1.9.14";
/// Microsoft's, of the same shape.
const MS_EXTENSION_REQUEST: &str = "1.3.6.1.4.1.311.2.1.14";

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// The whole of it in DER.
    pub(crate) der: Vec<u8>,
    /// The name in DER, as it stands in the request.
    pub(crate) subject: Vec<u8>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) key: PublicKey,
    pub(crate) extensions: Vec<Extension>,
    signed: Vec<u8>,
    algorithm: String,
    signature: Vec<u8>,
}

impl Request {
    /// From PEM.
    pub(crate) fn load(content: &[u8]) -> Result<Self, X509Error> {
        let pem = Pem::find_thing(content, "CERTIFICATE REQUEST", "CSR", "NEW CERTIFICATE REQUEST")?;
        Self::parse(&pem.bytes)
    }

    /// From DER.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, X509Error> {
        let mut outer = Reader::new(bytes).inside(der::SEQUENCE)?;
        let signed = outer.next()?;
        let algorithm = outer.inside(der::SEQUENCE)?.oid()?;
        let signature = outer.bits()?.to_vec();
        let mut info = Reader::new(signed.content);
        info.unsigned()?;
        let subject = info.next()?.whole;
        let key = PublicKey::parse(info.next()?.whole)?;
        let mut extensions = Vec::new();
        if let Some(attributes) = info.optional(der::context(0))? {
            for attribute in Reader::new(attributes).items()? {
                let mut reader = Reader::new(attribute.content);
                if let EXTENSION_REQUEST | MS_EXTENSION_REQUEST = reader.oid()?.as_str() {
                    extensions = extension::decode(reader.inside(der::SET)?.next()?.whole)?;
                }
            }
        }
        Ok(Self {
            der: bytes.to_vec(),
            subject: subject.to_vec(),
            attributes: name::decode_name(subject)?,
            key,
            extensions,
            signed: signed.whole.to_vec(),
            algorithm,
            signature,
        })
    }

    /// A new request, signed by its own key.
    pub(crate) fn sign(
        subject: &[Attribute],
        extensions: &[Extension],
        key: &PrivateKey,
        digest: Digest,
    ) -> Result<Self, X509Error> {
        let attributes = if extensions.is_empty() {
            Vec::new()
        } else {
            let list = der::tlv(der::SET, &extension::encode(extensions)?);
            der::sequence(&[&der::oid(EXTENSION_REQUEST)?, &list])
        };
        let info = der::sequence(&[
            &der::unsigned(&[0]),
            &name::encode_name(subject)?,
            &key.public()?.spki,
            &der::tlv(der::context(0), &attributes),
        ]);
        let (algorithm, signature) = key.sign(digest, &info)?;
        Self::parse(&der::sequence(&[&info, &algorithm, &der::bits(&signature)]))
    }

    /// As PEM.
    pub(crate) fn pem(&self) -> String {
        super::pem::encode("CERTIFICATE REQUEST", &self.der)
    }

    /// Whether the signature is that of the request's own key.
    pub(crate) fn is_signed(&self) -> Result<bool, X509Error> {
        self.key.verify(&self.algorithm, &self.signed, &self.signature)
    }
}
