//! Hash sums as hexadecimal text.

use md5::Md5;
use sha1::Sha1;
use sha2::digest::Digest;
use sha2::{Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        out.extend([byte >> 4, byte & 15].into_iter().filter_map(|half| char::from_digit(u32::from(half), 16)));
        out
    })
}

/// The names [`digest`] knows.
pub(crate) const NAMES: [&str; 8] = ["md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha512_224", "sha512_256"];

/// The sum of `data` by the algorithm of this name.
pub(crate) fn digest(name: &str, data: &[u8]) -> Option<String> {
    Some(match name.to_lowercase().replace('-', "_").as_str() {
        "md5" => hex(&Md5::digest(data)),
        "sha1" | "sha" => hex(&Sha1::digest(data)),
        "sha224" => hex(&Sha224::digest(data)),
        "sha256" => hex(&Sha256::digest(data)),
        "sha384" => hex(&Sha384::digest(data)),
        "sha512" => hex(&Sha512::digest(data)),
        "sha512_224" => hex(&Sha512_224::digest(data)),
        "sha512_256" => hex(&Sha512_256::digest(data)),
        _ => return None,
    })
}
