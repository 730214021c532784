//! The codec: `u32` header length, `u32` body length, `u32` channel (all big endian), JSON header, raw body.
//!
//! The channel says which agent a frame is for: `0` is the agent at the other end of the pipe, any other number one of
//! the child agents it started as another user. An agent passes those frames on without looking inside.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// No frame may be larger: a corrupt length must not exhaust memory.
pub const LIMIT: u32 = 1 << 30;

/// The agent at the other end of the pipe itself.
pub const DIRECT: u32 = 0;

/// The bytes before a frame: header length, body length, channel.
pub type Prefix = [u8; 12];

/// Memory is reserved in steps of this size while a frame arrives, so that a corrupt length costs nothing.
const STEP: usize = 1 << 20;

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

/// A frame whose header has not been looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Which agent it is for, or from.
    pub channel: u32,
    /// JSON.
    pub header: Vec<u8>,
    /// Raw bytes; what they are, the header says.
    pub body: Vec<u8>,
}

impl Frame {
    /// The message in the header.
    pub fn message<T: DeserializeOwned>(&self) -> Result<T, FrameError> {
        Ok(serde_json::from_slice(&self.header)?)
    }

    /// Writes the frame as it is, for this channel, and flushes.
    pub fn forward(&self, out: &mut impl Write, channel: u32) -> Result<(), FrameError> {
        out.write_all(&prefix(self.header.len(), self.body.len(), channel)?)?;
        out.write_all(&self.header)?;
        out.write_all(&self.body)?;
        out.flush()?;
        Ok(())
    }
}

fn prefix(header: usize, body: usize, channel: u32) -> Result<Prefix, FrameError> {
    let limit = LIMIT as usize;
    if header > limit || body > limit {
        return Err(FrameError::TooLarge(header as u64 + body as u64));
    }
    let mut out = [0; 12];
    out[..4].copy_from_slice(&(header as u32).to_be_bytes());
    out[4..8].copy_from_slice(&(body as u32).to_be_bytes());
    out[8..].copy_from_slice(&channel.to_be_bytes());
    Ok(out)
}

/// A whole frame as bytes.
pub fn encode<T: Serialize>(channel: u32, message: &T, body: &[u8]) -> Result<Vec<u8>, FrameError> {
    let mut out = vec![0; 12];
    serde_json::to_writer(&mut out, message)?;
    let start = prefix(out.len() - 12, body.len(), channel)?;
    out[..12].copy_from_slice(&start);
    out.extend_from_slice(body);
    Ok(out)
}

/// Header length, body length and channel of a prefix.
pub fn parts(prefix: Prefix) -> Result<(usize, usize, u32), FrameError> {
    let number = |at: usize| prefix[at..at + 4].iter().fold(0, |n, byte| n << 8 | u32::from(*byte));
    let (header, body) = (number(0), number(4));
    if header > LIMIT || body > LIMIT {
        return Err(FrameError::TooLarge(u64::from(header) + u64::from(body)));
    }
    Ok((header as usize, body as usize, number(8)))
}

/// Writes one frame and flushes.
pub fn write<T: Serialize>(out: &mut impl Write, channel: u32, message: &T, body: &[u8]) -> Result<(), FrameError> {
    out.write_all(&encode(channel, message, body)?)?;
    out.flush()?;
    Ok(())
}

/// Reads one frame; `None` at the end of the stream.
pub fn read(input: &mut impl Read) -> Result<Option<Frame>, FrameError> {
    let mut prefix = [0; 12];
    let mut got = 0;
    while got < prefix.len() {
        match input.read(&mut prefix[got..]) {
            Ok(0) if got == 0 => return Ok(None),
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(n) => got += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let (header, body, channel) = parts(prefix)?;
    Ok(Some(Frame { channel, header: read_bytes(input, header)?, body: read_bytes(input, body)? }))
}

fn read_bytes(input: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length.min(STEP));
    if input.take(length as u64).read_to_end(&mut bytes)? < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Request;

    proptest! {
        #[test]
        fn any_frame_survives_the_wire(id in any::<u64>(), channel in any::<u32>(), body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let bytes = encode(channel, &Request::Cancel { id }, &body).unwrap();
            let frame = read(&mut &bytes[..]).unwrap().unwrap();
            prop_assert_eq!(frame.message::<Request>().unwrap(), Request::Cancel { id });
            prop_assert_eq!(&frame.body, &body);
            prop_assert_eq!(frame.channel, channel);
            let mut again = Vec::new();
            frame.forward(&mut again, channel).unwrap();
            prop_assert_eq!(again, bytes);
        }

        #[test]
        fn any_bytes_are_refused_or_read_but_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(Some(frame)) = read(&mut &bytes[..]) {
                let _ = frame.message::<Request>();
            }
        }

        #[test]
        fn a_frame_cut_anywhere_is_an_error(cut in 1_usize..40, body in proptest::collection::vec(any::<u8>(), 40)) {
            let bytes = encode(0, &Request::Bye, &body).unwrap();
            prop_assert!(read(&mut &bytes[..bytes.len() - cut]).is_err());
        }
    }

    #[test]
    fn an_empty_stream_is_its_end() {
        assert!(read(&mut &[][..]).unwrap().is_none());
    }

    #[test]
    fn a_huge_length_is_refused_before_memory_is_reserved() {
        let mut bytes = [0xff; 64];
        assert!(matches!(read(&mut &bytes[..]), Err(FrameError::TooLarge(_))));
        // Just below the limit: the stream's end is found, not a gigabyte reserved.
        bytes[..8].copy_from_slice(&[0, 0, 0, 2, 0x3f, 0xff, 0xff, 0xff]);
        assert!(matches!(read(&mut &bytes[..]), Err(FrameError::Io(_))));
    }
}
