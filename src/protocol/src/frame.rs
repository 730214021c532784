//! The codec: `u32` header length, `u32` body length (both big endian), JSON header, raw body.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// No frame may be larger: a corrupt length must not exhaust memory.
pub const LIMIT: u32 = 1 << 30;

/// The eight bytes before a frame: header length and body length.
pub type Prefix = [u8; 8];

/// A frame that could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The pipe broke.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The header is not the message expected.
    #[error("malformed frame header")]
    Header(#[from] serde_json::Error),
    /// A length beyond [`LIMIT`].
    #[error("frame of {0} bytes is larger than allowed")]
    TooLarge(u64),
}

/// A whole frame as bytes.
pub fn encode<T: Serialize>(message: &T, body: &[u8]) -> Result<Vec<u8>, FrameError> {
    let mut out = vec![0; 8];
    serde_json::to_writer(&mut out, message)?;
    let header = out.len() - 8;
    if header as u64 > u64::from(LIMIT) || body.len() as u64 > u64::from(LIMIT) {
        return Err(FrameError::TooLarge((header + body.len()) as u64));
    }
    out[..4].copy_from_slice(&(header as u32).to_be_bytes());
    out[4..8].copy_from_slice(&(body.len() as u32).to_be_bytes());
    out.extend_from_slice(body);
    Ok(out)
}

/// Header and body length of a prefix.
pub fn lengths(prefix: Prefix) -> Result<(usize, usize), FrameError> {
    let [a, b, c, d, e, f, g, h] = prefix;
    let (header, body) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
    if header > LIMIT || body > LIMIT {
        return Err(FrameError::TooLarge(u64::from(header) + u64::from(body)));
    }
    Ok((header as usize, body as usize))
}

/// Writes one frame and flushes.
pub fn write<T: Serialize>(out: &mut impl Write, message: &T, body: &[u8]) -> Result<(), FrameError> {
    out.write_all(&encode(message, body)?)?;
    out.flush()?;
    Ok(())
}

/// Reads one frame; `None` at the end of the stream.
pub fn read<T: DeserializeOwned>(input: &mut impl Read) -> Result<Option<(T, Vec<u8>)>, FrameError> {
    let mut prefix = [0; 8];
    let mut got = 0;
    while got < prefix.len() {
        match input.read(&mut prefix[got..])? {
            0 if got == 0 => return Ok(None),
            0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            n => got += n,
        }
    }
    let (header, body) = lengths(prefix)?;
    let mut bytes = vec![0; header];
    input.read_exact(&mut bytes)?;
    let message = serde_json::from_slice(&bytes)?;
    let mut bytes = vec![0; body];
    input.read_exact(&mut bytes)?;
    Ok(Some((message, bytes)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Request;

    proptest! {
        #[test]
        fn any_frame_survives_the_wire(id in any::<u64>(), body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let bytes = encode(&Request::Cancel { id }, &body).unwrap();
            let (message, back) = read::<Request>(&mut &bytes[..]).unwrap().unwrap();
            prop_assert_eq!(message, Request::Cancel { id });
            prop_assert_eq!(back, body);
        }

        #[test]
        fn any_bytes_are_refused_or_read_but_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = read::<Request>(&mut &bytes[..]);
        }
    }

    #[test]
    fn a_cut_frame_is_an_error_and_an_empty_stream_is_not() {
        let bytes = encode(&Request::Bye, b"xy").unwrap();
        assert!(read::<Request>(&mut &bytes[..bytes.len() - 1]).is_err());
        assert!(read::<Request>(&mut &[][..]).unwrap().is_none());
    }
}
