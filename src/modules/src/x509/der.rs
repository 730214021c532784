//! The part of DER that keys and certificates use.

use super::X509Error;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// `[number]` around other values.
pub(crate) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// `[number]` in place of a simple value's own tag.
pub(crate) const fn implicit(number: u8) -> u8 {
    0x80 | number
}

/// One value with its tag and length.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        short @ 0..128 => out.push(short as u8),
        long => {
            let bytes = long.to_be_bytes();
            let start = bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len() - 1);
            out.push(0x80 | (bytes.len() - start) as u8);
            out.extend(&bytes[start..]);
        }
    }
    out.extend(content);
    out
}

/// A sequence of values that are written already.
pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(SEQUENCE, &parts.concat())
}

/// A number that is not negative, from its big-endian bytes.
pub(crate) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len());
    let bytes = &bytes[start..];
    let mut content = Vec::with_capacity(bytes.len() + 1);
    if bytes.first().is_none_or(|first| first & 0x80 != 0) {
        content.push(0);
    }
    content.extend(bytes);
    tlv(INTEGER, &content)
}

/// A bit string of whole bytes.
pub(crate) fn bits(bytes: &[u8]) -> Vec<u8> {
    let mut content = vec![0];
    content.extend(bytes);
    tlv(BIT_STRING, &content)
}

/// An object identifier from its dotted form.
pub(crate) fn oid(dotted: &str) -> Result<Vec<u8>, X509Error> {
    let bad = || X509Error::bad(format!("Invalid object identifier: {dotted}"));
    let arcs: Vec<u64> = dotted.split('.').map(|arc| arc.parse().map_err(|_| bad())).collect::<Result<_, _>>()?;
    let [first, second, rest @ ..] = arcs.as_slice() else { return Err(bad()) };
    if *first > 2 || (*first < 2 && *second > 39) || *second > u64::MAX - 80 {
        return Err(bad());
    }
    let mut content = Vec::new();
    for arc in std::iter::once(first * 40 + second).chain(rest.iter().copied()) {
        let groups = (64 - arc.leading_zeros()).div_ceil(7).max(1);
        for group in (0..groups).rev() {
            let more = if group == 0 { 0 } else { 0x80 };
            content.push((arc >> (group * 7)) as u8 & 0x7f | more);
        }
    }
    Ok(tlv(OID, &content))
}

/// Reads values one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

/// One value that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// With tag and length.
    pub(crate) whole: &'a [u8],
}

fn broken() -> X509Error {
    X509Error::bad("error parsing asn1 value: the data is cut short or is not DER")
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next value's tag.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next value, whatever it is.
    pub(crate) fn next(&mut self) -> Result<Item<'a>, X509Error> {
        let (&tag, after) = self.rest.split_first().ok_or_else(broken)?;
        let (&first, mut after) = after.split_first().ok_or_else(broken)?;
        // Tags above 30 and lengths without end are not in what is read here.
        if tag & 0x1f == 0x1f || first == 0x80 {
            return Err(broken());
        }
        let length = if first < 0x80 {
            usize::from(first)
        } else {
            let (bytes, rest) = after.split_at_checked(usize::from(first & 0x7f)).ok_or_else(broken)?;
            after = rest;
            if bytes.len() > 4 {
                return Err(broken());
            }
            bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))
        };
        let (content, rest) = after.split_at_checked(length).ok_or_else(broken)?;
        let whole = &self.rest[..self.rest.len() - rest.len()];
        self.rest = rest;
        Ok(Item { tag, content, whole })
    }

    /// The next value, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<&'a [u8], X509Error> {
        let item = self.next()?;
        if item.tag == tag { Ok(item.content) } else { Err(broken()) }
    }

    /// The next value if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, X509Error> {
        if self.peek() == Some(tag) { self.expect(tag).map(Some) } else { Ok(None) }
    }

    /// The values inside the next value, which must have this tag.
    pub(crate) fn inside(&mut self, tag: u8) -> Result<Self, X509Error> {
        self.expect(tag).map(Self::new)
    }

    /// A number that is not negative, without leading zeros.
    pub(crate) fn unsigned(&mut self) -> Result<&'a [u8], X509Error> {
        let content = self.expect(INTEGER)?;
        if content.first().is_none_or(|first| first & 0x80 != 0) {
            return Err(broken());
        }
        let start = content.iter().position(|b| *b != 0).unwrap_or(content.len());
        Ok(&content[start..])
    }

    /// A bit string of whole bytes.
    pub(crate) fn bits(&mut self) -> Result<&'a [u8], X509Error> {
        match self.expect(BIT_STRING)?.split_first() {
            Some((0, bytes)) => Ok(bytes),
            _ => Err(broken()),
        }
    }

    /// A dotted object identifier.
    pub(crate) fn oid(&mut self) -> Result<String, X509Error> {
        dotted(self.expect(OID)?)
    }

    /// All values to the end.
    pub(crate) fn items(mut self) -> Result<Vec<Item<'a>>, X509Error> {
        let mut items = Vec::new();
        while !self.is_empty() {
            items.push(self.next()?);
        }
        Ok(items)
    }
}

/// The dotted form of an object identifier's content.
pub(crate) fn dotted(content: &[u8]) -> Result<String, X509Error> {
    let mut arcs: Vec<u64> = Vec::new();
    let mut arc: u64 = 0;
    for byte in content {
        arc = arc.checked_mul(128).ok_or_else(broken)? | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            arcs.push(std::mem::take(&mut arc));
        }
    }
    let (first, rest) = arcs.split_first().ok_or_else(broken)?;
    let top = (first / 40).min(2);
    let mut text = format!("{top}.{}", first - top * 40);
    for arc in rest {
        text.push('.');
        text.push_str(&arc.to_string());
    }
    Ok(text)
}

/// Small numbers: path lengths and versions.
pub(crate) fn small(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= 8).then(|| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&bytes);
            while let Ok(item) = reader.next() {
                let _ = dotted(item.content);
                let _ = Reader::new(item.content).items();
            }
        }

        #[test]
        fn identifiers_come_back(first in 0_u64..3, second in 0_u64..40, rest in proptest::collection::vec(any::<u32>(), 0..5)) {
            let text = rest.iter().fold(format!("{first}.{second}"), |text, arc| format!("{text}.{arc}"));
            prop_assert_eq!(Reader::new(&oid(&text).unwrap()).oid().unwrap(), text);
        }

        #[test]
        fn numbers_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let written = unsigned(&bytes);
            let read = Reader::new(&written).unsigned().unwrap();
            let start = bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len());
            prop_assert_eq!(read, &bytes[start..]);
        }
    }

    #[test]
    fn values_are_written_as_der() {
        assert_eq!(unsigned(&[]), [2, 1, 0]);
        assert_eq!(unsigned(&[0, 0x80]), [2, 2, 0, 0x80]);
        assert_eq!(oid("1.2.840.113549").unwrap(), [6, 6, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d]);
        assert_eq!(oid("2.999").unwrap(), [6, 2, 0x88, 0x37]);
        assert_eq!(tlv(OCTET_STRING, &[0; 200])[..4], [4, 0x81, 200, 0]);
        assert!(oid("3.1").is_err() && oid("1").is_err() && oid("1.x").is_err());
    }
}
