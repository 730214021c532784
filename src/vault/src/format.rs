//! The envelope: one header line, then hexadecimal digits in lines of 80.

use crate::VaultError;

/// What every encrypted text starts with.
pub const HEADER: &str = "$ANSIBLE_VAULT";

/// Whether a text is an encrypted one.
pub fn is_vault(data: impl AsRef<[u8]>) -> bool {
    data.as_ref().starts_with(HEADER.as_bytes())
}

/// What an envelope holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// Which password to use, from version 1.2 on.
    pub(crate) id: Option<String>,
    pub(crate) salt: Vec<u8>,
    pub(crate) hmac: Vec<u8>,
    pub(crate) ciphertext: Vec<u8>,
}

const LINE: usize = 80;

impl Envelope {
    pub(crate) fn parse(data: &[u8]) -> Result<Self, VaultError> {
        if !is_vault(data) {
            return Err(VaultError::NotVault);
        }
        let text = std::str::from_utf8(data).map_err(|_| VaultError::Format("it is not ASCII text"))?;
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap_or_default().trim().split(';').map(str::trim).collect();
        let [_, version, cipher, rest @ ..] = header.as_slice() else {
            return Err(VaultError::Format("its header is cut off"));
        };
        if *cipher != "AES256" {
            return Err(VaultError::Cipher((*cipher).to_owned()));
        }
        let id = match (*version, rest) {
            ("1.1" | "1.2", []) => None,
            // Ansible never writes an id in a 1.1 header, but it reads one.
            ("1.1" | "1.2", [id, ..]) => Some((*id).to_owned()).filter(|id| !id.is_empty()),
            _ => return Err(VaultError::Version((*version).to_owned())),
        };
        let digits: String = lines.map(str::trim).collect();
        let inner = unhex(digits.as_bytes()).ok_or(VaultError::Format("its body is not hexadecimal"))?;
        let mut parts = inner.splitn(3, |byte| *byte == b'\n');
        let mut part = || parts.next().and_then(unhex).ok_or(VaultError::Format("its body is cut off"));
        Ok(Self { id, salt: part()?, hmac: part()?, ciphertext: part()? })
    }

    pub(crate) fn write(&self) -> String {
        let inner = [hex(&self.salt), hex(&self.hmac), hex(&self.ciphertext)].join("\n");
        let digits = hex(inner.as_bytes());
        let mut out = match &self.id {
            Some(id) => format!("{HEADER};1.2;AES256;{id}\n"),
            None => format!("{HEADER};1.1;AES256\n"),
        };
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && i % LINE == 0 {
                out.push('\n');
            }
            out.push(digit);
        }
        out.push('\n');
        out
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)] as char);
        out.push(DIGITS[usize::from(byte & 15)] as char);
    }
    out
}

fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let value = |digit: u8| (digit as char).to_digit(16).map(|d| d as u8);
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(value(*high)? << 4 | value(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_reads_back() {
        for id in [None, Some("dev".to_owned())] {
            let envelope = Envelope { id, salt: vec![0, 255], hmac: vec![1; 32], ciphertext: vec![10; 100] };
            let text = envelope.write();
            assert!(text.lines().all(|line| line.len() <= 80) && text.ends_with('\n'));
            assert_eq!(Envelope::parse(text.as_bytes()).unwrap(), envelope);
        }
    }

    #[test]
    fn damaged_envelopes_are_told_apart() {
        let parse = |text: &str| Envelope::parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(parse("hello"), "Input is not vault encrypted data.");
        assert_eq!(parse("$ANSIBLE_VAULT"), "vault format error: its header is cut off");
        assert_eq!(parse("$ANSIBLE_VAULT;1.1;AES\n61"), "vault cipher `AES` is not supported");
        assert_eq!(parse("$ANSIBLE_VAULT;2.0;AES256\n61"), "vault format version `2.0` is not supported");
        assert_eq!(parse("$ANSIBLE_VAULT;1.1;AES256\nxx"), "vault format error: its body is not hexadecimal");
        assert_eq!(parse("$ANSIBLE_VAULT;1.1;AES256\n6161"), "vault format error: its body is cut off");
    }
}
