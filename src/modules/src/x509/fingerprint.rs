//! Fingerprints: digests in hexadecimal with colons.

use rplay_value::Map;
use sha2::Digest as _;

/// The digest that diffs show.
pub(crate) fn preferred(bytes: &[u8]) -> Map {
    Map::from_iter([("sha256", colons(&sha2::Sha256::digest(bytes)))])
}

/// Every digest that Python's `hashlib` guarantees, those of variable length with 32 bytes.
pub(crate) fn all(bytes: &[u8]) -> Map {
    use sha3::digest::{ExtendableOutput as _, Update as _};
    let mut shake_128 = [0; 32];
    let mut shake_256 = [0; 32];
    let mut hash = sha3::Shake128::default();
    hash.update(bytes);
    hash.finalize_xof_into(&mut shake_128);
    let mut hash = sha3::Shake256::default();
    hash.update(bytes);
    hash.finalize_xof_into(&mut shake_256);
    Map::from_iter([
        ("md5", colons(&md5::Md5::digest(bytes))),
        ("sha1", colons(&sha1::Sha1::digest(bytes))),
        ("sha224", colons(&sha2::Sha224::digest(bytes))),
        ("sha256", colons(&sha2::Sha256::digest(bytes))),
        ("sha384", colons(&sha2::Sha384::digest(bytes))),
        ("sha512", colons(&sha2::Sha512::digest(bytes))),
        ("sha3_224", colons(&sha3::Sha3_224::digest(bytes))),
        ("sha3_256", colons(&sha3::Sha3_256::digest(bytes))),
        ("sha3_384", colons(&sha3::Sha3_384::digest(bytes))),
        ("sha3_512", colons(&sha3::Sha3_512::digest(bytes))),
        ("blake2b", colons(&blake2::Blake2b512::digest(bytes))),
        ("blake2s", colons(&blake2::Blake2s256::digest(bytes))),
        ("shake_128", colons(&shake_128)),
        ("shake_256", colons(&shake_256)),
    ])
}

/// Bytes as `0a:ff`.
pub(crate) fn colons(bytes: &[u8]) -> String {
    bytes.iter().enumerate().fold(String::with_capacity(bytes.len() * 3), |mut text, (at, byte)| {
        if at > 0 {
            text.push(':');
        }
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_hashlib() {
        let all = all(b"abc");
        let start = |name: &str| all.get(name).unwrap().to_string()[..8].to_owned();
        assert_eq!(start("md5"), "90:01:50");
        assert_eq!(start("sha3_256"), "3a:98:5d");
        assert_eq!(start("blake2b"), "ba:80:a5");
        assert_eq!(start("blake2s"), "50:8c:5e");
        assert_eq!(start("shake_128"), "58:81:09");
        assert_eq!(start("shake_256"), "48:33:66");
        assert_eq!((all.len(), all.get("shake_128").unwrap().to_string().len()), (14, 95));
    }
}
