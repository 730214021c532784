//! Checksums by Ansible's names.

use std::fmt::Write as _;
use std::io::{self, Read};
use std::path::Path;

use sha2::Digest as _;

/// A checksum algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `md5`
    Md5,
    /// `sha1`
    Sha1,
    /// `sha224`
    Sha224,
    /// `sha256`
    Sha256,
    /// `sha384`
    Sha384,
    /// `sha512`
    Sha512,
}

impl Algorithm {
    /// By Ansible's name.
    pub fn find(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "md5" => Self::Md5,
            "sha1" | "sha" => Self::Sha1,
            "sha224" => Self::Sha224,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            _ => return None,
        })
    }
}

/// The lower-case hexadecimal digest of bytes.
pub fn digest_bytes(algorithm: Algorithm, mut bytes: &[u8]) -> String {
    // Reading from memory does not fail.
    read_all(algorithm, &mut bytes).unwrap_or_default()
}

/// The lower-case hexadecimal digest of a file's content, read in pieces.
pub fn digest_file(algorithm: Algorithm, path: &Path) -> io::Result<String> {
    read_all(algorithm, &mut fs_err::File::open(path)?)
}

fn read_all(algorithm: Algorithm, input: &mut impl Read) -> io::Result<String> {
    match algorithm {
        Algorithm::Md5 => feed(md5::Md5::new(), input),
        Algorithm::Sha1 => feed(sha1::Sha1::new(), input),
        Algorithm::Sha224 => feed(sha2::Sha224::new(), input),
        Algorithm::Sha256 => feed(sha2::Sha256::new(), input),
        Algorithm::Sha384 => feed(sha2::Sha384::new(), input),
        Algorithm::Sha512 => feed(sha2::Sha512::new(), input),
    }
}

fn feed<D: sha2::Digest>(mut digest: D, input: &mut impl Read) -> io::Result<String> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match input.read(&mut buffer)? {
            0 => break,
            n => digest.update(&buffer[..n]),
        }
    }
    let mut hex = String::new();
    for byte in digest.finalize() {
        let _ = write!(hex, "{byte:02x}");
    }
    Ok(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_usual_tools() {
        let of = |name| digest_bytes(Algorithm::find(name).unwrap(), b"abc");
        assert_eq!(of("md5"), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(of("sha1"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(of("sha224"), "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7");
        assert_eq!(of("sha256"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(of("sha512").starts_with("ddaf35a193617aba"));
        assert!(Algorithm::find("crc32").is_none());
    }
}
