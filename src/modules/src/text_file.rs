//! A file edited as text whose bytes survive, whatever their encoding.

use std::io;
use std::path::Path;

use crate::convert::quoted;
use crate::{ModuleError, strerror};

/// A file's content as text. Bytes that are not UTF-8 are kept as one character each, so that what is not edited
/// comes back as it was.
#[derive(Debug, Default)]
pub(crate) struct TextFile {
    /// The content.
    pub(crate) text: String,
    bytewise: bool,
    /// One character a byte because the user says so: what they write is in that encoding too.
    latin: bool,
}

/// What Python says of an error with a file; not of one of `fs_err`, which does not tell its number.
pub(crate) fn errno(error: &io::Error, shown: &str) -> String {
    format!("[Errno {}] {}: {}", error.raw_os_error().unwrap_or_default(), strerror(error), quoted(shown))
}

impl TextFile {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        Ok(Self::decode(fs_err::read(path)?))
    }

    /// Reads a file that must be there; the failure is what Python says of `shown`, the path as the user wrote it.
    pub(crate) fn read_given(path: &Path, shown: &str) -> Result<Self, ModuleError> {
        // Not through fs_err, whose errors do not tell their number.
        std::fs::read(path).map(Self::decode).map_err(|error| ModuleError::msg(errno(&error, shown)))
    }

    /// Reads a file that is in ISO-8859-1 when `latin`.
    pub(crate) fn read_as(path: &Path, latin: bool) -> io::Result<Self> {
        if !latin {
            return Self::read(path);
        }
        let text = fs_err::read(path)?.into_iter().map(char::from).collect();
        Ok(Self { text, bytewise: true, latin })
    }

    fn decode(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self { text, ..Self::default() },
            Err(error) => {
                Self { text: error.as_bytes().iter().map(|b| char::from(*b)).collect(), bytewise: true, latin: false }
            }
        }
    }

    /// A text of the user's as it stands in this file's text.
    pub(crate) fn foreign(&self, text: &str) -> String {
        if self.bytewise && !self.latin { text.bytes().map(char::from).collect() } else { text.to_owned() }
    }

    /// The bytes of an edited text.
    pub(crate) fn encode(&self, text: &str) -> Vec<u8> {
        if self.bytewise { text.chars().map(|c| c as u8).collect() } else { text.as_bytes().to_vec() }
    }

    /// The text as people read it, for diffs.
    pub(crate) fn shown(&self, text: &str) -> String {
        if self.bytewise && !self.latin {
            String::from_utf8_lossy(&self.encode(text)).into_owned()
        } else {
            text.to_owned()
        }
    }

    /// The lines with their ends.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.text.split_inclusive('\n').map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let file = TextFile::decode(bytes.clone());
            prop_assert_eq!(file.encode(&file.lines().concat()), bytes);
        }
    }

    #[test]
    fn bytes_that_are_no_text_survive_an_edit() {
        let bytes = b"caf\xe9\n".to_vec();
        let file = TextFile::decode(bytes.clone());
        assert_eq!(file.encode(&file.text), bytes);
        let edited = format!("{}{}", file.text, file.foreign("na\u{ef}ve\n"));
        assert_eq!(file.encode(&edited), [b"caf\xe9\n".as_slice(), "na\u{ef}ve\n".as_bytes()].concat());
        assert_eq!(TextFile::decode("a\nb".into()).lines(), ["a\n", "b"]);
    }
}
