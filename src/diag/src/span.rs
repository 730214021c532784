//! A place in a source text.

use crate::SourceId;

/// A half-open range of bytes in one source text. Twelve bytes and `Copy`: every value can afford one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The text this is a place in.
    pub source: SourceId,
    /// Byte offset of the first byte.
    pub start: u32,
    /// Byte offset just after the last byte.
    pub end: u32,
}

impl Span {
    /// A place from `start` to `end` (byte offsets) in `source`.
    pub fn new(source: SourceId, start: usize, end: usize) -> Self {
        let clamp = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self { source, start: clamp(start), end: clamp(end.max(start)) }
    }

    /// The same start, but nothing covered.
    pub fn at_start(self) -> Self {
        Self { end: self.start, ..self }
    }

    /// The smallest span that covers both; `self` when they lie in different texts.
    pub fn to(self, other: Self) -> Self {
        if self.source != other.source {
            return self;
        }
        Self { source: self.source, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}
