//! PEM: base64 between BEGIN and END lines.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::X509Error;

/// One block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pem {
    /// What stands after BEGIN.
    pub(crate) label: String,
    /// Lines such as `Proc-Type: 4,ENCRYPTED`.
    pub(crate) headers: Vec<(String, String)>,
    /// The content.
    pub(crate) bytes: Vec<u8>,
}

impl Pem {
    /// The first block of a text whose label is wanted.
    pub(crate) fn find(text: &[u8], wanted: impl Fn(&str) -> bool) -> Result<Self, X509Error> {
        Self::find_one(text, "", wanted)
    }

    /// As [`Pem::find`]; blocks of other kinds than `label`, which is a `thing`, are told apart from no PEM at all.
    pub(crate) fn find_thing(text: &[u8], label: &str, thing: &str, other: &str) -> Result<Self, X509Error> {
        let refusal = format!("Valid PEM but no BEGIN {label}/END {label} delimiters. Are you sure this is a {thing}?");
        Self::find_one(text, &refusal, |found| found == label || found == other)
    }

    fn find_one(text: &[u8], refusal: &str, wanted: impl Fn(&str) -> bool) -> Result<Self, X509Error> {
        let text = String::from_utf8_lossy(text);
        let mut lines = text.lines();
        let mut has_other = false;
        while let Some(line) = lines.next() {
            let Some(label) = begin(line) else { continue };
            if !wanted(label) {
                has_other = true;
                continue;
            }
            let end = format!("-----END {label}-----");
            let mut headers = Vec::new();
            let mut base64 = String::new();
            for line in lines {
                let line = line.trim_end();
                if line == end {
                    let bytes = STANDARD.decode(&base64).map_err(|_| {
                        X509Error::bad("Unable to load PEM file: the base64 between BEGIN and END is damaged")
                    })?;
                    return Ok(Self { label: label.to_owned(), headers, bytes });
                }
                match line.split_once(':') {
                    Some((name, value)) => headers.push((name.trim().to_owned(), value.trim().to_owned())),
                    None => base64.push_str(line.trim()),
                }
            }
            return Err(X509Error::bad(format!("Unable to load PEM file: the line {end} is missing")));
        }
        if has_other && !refusal.is_empty() {
            return Err(X509Error::bad(refusal));
        }
        Err(X509Error::bad(
            "Unable to load PEM file. See https://cryptography.io/en/latest/faq/#why-can-t-i-import-my-pem-file for more details. MalformedFraming",
        ))
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn begin(line: &str) -> Option<&str> {
    line.trim_end().strip_prefix("-----BEGIN ")?.strip_suffix("-----").filter(|label| !label.is_empty())
}

/// Bytes as one block.
pub(crate) fn encode(label: &str, bytes: &[u8]) -> String {
    encode_with(label, "", bytes)
}

/// Bytes as one block; `headers` are whole lines with an empty one after them.
pub(crate) fn encode_with(label: &str, headers: &str, bytes: &[u8]) -> String {
    let base64 = STANDARD.encode(bytes);
    let mut out = format!("-----BEGIN {label}-----\n{headers}");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

/// What a private key's file looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `BEGIN RSA PRIVATE KEY` and its like.
    Pkcs1,
    /// `BEGIN PRIVATE KEY` or `BEGIN ENCRYPTED PRIVATE KEY`.
    Pkcs8,
    /// No PEM: the bytes of the key.
    Raw,
    /// PEM of something else.
    Unknown,
}

/// The form of a private key's file, by its first block.
pub(crate) fn form(content: &[u8]) -> Form {
    let Ok(text) = std::str::from_utf8(content) else { return Form::Raw };
    let Some(first) = text.lines().find(|line| line.starts_with("-----BEGIN ")) else { return Form::Raw };
    if !text.lines().any(|line| line.starts_with("-----END ")) {
        return Form::Raw;
    }
    match begin(first) {
        Some("PRIVATE KEY" | "ENCRYPTED PRIVATE KEY") => Form::Pkcs8,
        Some(label) if label.ends_with(" PRIVATE KEY") => Form::Pkcs1,
        Some(_) => Form::Unknown,
        None => Form::Raw,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back_with_their_headers() {
        let text = encode_with("X", "A: b\n\n", &[7; 60]);
        let lines: Vec<usize> = text.lines().map(str::len).collect();
        assert_eq!(lines, [17, 4, 0, 64, 16, 15]);
        let read = Pem::find(format!("note\n{text}").as_bytes(), |label| label == "X").unwrap();
        assert_eq!((read.header("A"), read.bytes.len()), (Some("b"), 60));
        assert!(Pem::find(b"-----BEGIN X-----\nAA\n", |_| true).is_err());
        assert!(Pem::find(b"nothing", |_| true).is_err());
    }

    #[test]
    fn the_form_is_that_of_the_first_block() {
        assert_eq!(form(encode("EC PRIVATE KEY", b"x").as_bytes()), Form::Pkcs1);
        assert_eq!(form(encode("ENCRYPTED PRIVATE KEY", b"x").as_bytes()), Form::Pkcs8);
        assert_eq!(form(encode("CERTIFICATE", b"x").as_bytes()), Form::Unknown);
        assert_eq!(form(&[0xff; 32]), Form::Raw);
    }
}
