//! Text with its origin and trust.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use rplay_diag::Span;

/// A shared string that remembers where it was written and whether it is trusted as a template.
///
/// Only text written in playbooks, roles, inventories and vars files is trusted. Text from hosts, lookups and files
/// read at run time is data, whatever it contains. Equality, ordering and hashing look at the characters alone.
#[derive(Clone)]
pub struct Text {
    chars: Arc<str>,
    origin: Option<Span>,
    trusted: bool,
}

impl Text {
    /// Plain data: no origin, never a template.
    pub fn data(text: impl Into<Arc<str>>) -> Self {
        Self { chars: text.into(), origin: None, trusted: false }
    }

    /// Text written by the user at a place, trusted as a template.
    pub fn written(text: impl Into<Arc<str>>, origin: Span) -> Self {
        Self { chars: text.into(), origin: Some(origin), trusted: true }
    }

    /// Text of rplay's own or of the command line: trusted, without a place.
    pub fn trusted(text: impl Into<Arc<str>>) -> Self {
        Self { chars: text.into(), origin: None, trusted: true }
    }

    /// The same characters and place, no longer a template (`!unsafe`).
    #[must_use]
    pub fn untrusted(mut self) -> Self {
        self.trusted = false;
        self
    }

    /// The same characters and trust, with this place.
    #[must_use]
    pub fn with_origin(mut self, origin: Option<Span>) -> Self {
        self.origin = origin;
        self
    }

    /// Where it was written.
    pub fn origin(&self) -> Option<Span> {
        self.origin
    }

    /// Whether it may be treated as a template.
    pub fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// Whether rendering could change it: trusted and holding a template delimiter.
    pub fn is_template(&self) -> bool {
        self.trusted && has_delimiters(&self.chars)
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.chars
    }

    /// The characters, shared.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.chars)
    }
}

/// Whether text holds `{{`, `{%` or `{#`.
fn has_delimiters(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| pair[0] == b'{' && matches!(pair[1], b'{' | b'%' | b'#'))
}

impl Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        &self.chars
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        &self.chars
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.chars
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.chars == other.chars
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        &*self.chars == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        &*self.chars == *other
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.chars.cmp(&other.chars)
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.chars.hash(state);
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.chars)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.chars, f)
    }
}

/// Data: the safe choice for strings of unknown source.
impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::data(text)
    }
}

/// Data: the safe choice for strings of unknown source.
impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::data(text)
    }
}

/// Data: the safe choice for strings of unknown source.
impl From<Arc<str>> for Text {
    fn from(text: Arc<str>) -> Self {
        Self::data(text)
    }
}
