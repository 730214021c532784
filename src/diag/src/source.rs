//! The texts of a run: an append-only registry shared by everything that reads files.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Arc, RwLock};

use crate::Span;

/// Names one text in [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(NonZeroU32);

impl SourceId {
    /// A text nobody keeps, such as one a filter parses: places in it are never shown.
    pub const UNKNOWN: Self = Self(NonZeroU32::MAX);
}

#[derive(Debug)]
struct Source {
    name: Arc<str>,
    text: Arc<str>,
    line_starts: Vec<u32>,
    sealed: bool,
    described: bool,
}

#[derive(Debug, Default)]
struct Registry {
    all: Vec<Arc<Source>>,
    sealed: HashSet<String>,
}

/// Every text read in a run, by [`SourceId`]. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Sources(Arc<RwLock<Registry>>);

/// What stands for the lines of a text that was encrypted, as ansible-core says it.
pub const NOT_SHOWN: &str = "(source not shown: content encrypted)";

/// A human's place: one-based line and column (in characters).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The source's name: a path as the user wrote it, or a description in angle brackets such as `<command line>`.
    pub name: Arc<str>,
    /// One-based line.
    pub line: usize,
    /// One-based column, counted in characters.
    pub column: usize,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.name, self.line, self.column)
    }
}

impl Sources {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a text under the name that messages will show.
    pub fn add(&self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> SourceId {
        self.register(name.into(), text.into(), false)
    }

    /// Registers a value that stands in no file, such as an option of the command line: it has no lines, and messages
    /// show it whole under its description.
    pub fn describe(&self, description: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Span {
        let text: Arc<str> = text.into();
        let end = text.len();
        Span::new(self.register(description.into(), text, true), 0, end)
    }

    fn register(&self, name: Arc<str>, text: Arc<str>, described: bool) -> SourceId {
        let mut line_starts = vec![0];
        line_starts.extend(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i as u32 + 1));
        let mut registry = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let sealed = registry.sealed.contains(&*name);
        registry.all.push(Arc::new(Source { name, text, line_starts, sealed, described }));
        let id = u32::try_from(registry.all.len()).unwrap_or(u32::MAX);
        SourceId(NonZeroU32::new(id).unwrap_or(NonZeroU32::MAX))
    }

    /// Registers a file's text under its path.
    pub fn add_file(&self, path: &Path, text: impl Into<Arc<str>>) -> SourceId {
        self.add(path.display().to_string(), text)
    }

    /// The file at this path is encrypted: what is registered under its name from now on is a secret that messages have
    /// the place of, but never the lines.
    pub fn seal(&self, path: &Path) {
        let mut registry = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        registry.sealed.insert(path.display().to_string());
    }

    /// Whether the lines of a source must not be shown.
    pub fn is_sealed(&self, id: SourceId) -> bool {
        self.get(id).is_some_and(|source| source.sealed)
    }

    /// Whether a source is a described value ([`Sources::describe`]).
    pub fn is_described(&self, id: SourceId) -> bool {
        self.get(id).is_some_and(|source| source.described)
    }

    fn get(&self, id: SourceId) -> Option<Arc<Source>> {
        let registry = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        registry.all.get(id.0.get() as usize - 1).cloned()
    }

    /// How many texts are registered.
    pub fn count(&self) -> usize {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).all.len()
    }

    /// Name, text and whether it is a secret of every text registered after the first `known`.
    pub fn since(&self, known: usize) -> Vec<(Arc<str>, Arc<str>, bool)> {
        let registry = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let new = registry.all.iter().skip(known);
        new.map(|source| (Arc::clone(&source.name), Arc::clone(&source.text), source.sealed)).collect()
    }

    /// The name a source was registered under.
    pub fn name(&self, id: SourceId) -> Option<Arc<str>> {
        self.get(id).map(|s| Arc::clone(&s.name))
    }

    /// The whole text of a source.
    pub fn text(&self, id: SourceId) -> Option<Arc<str>> {
        self.get(id).map(|s| Arc::clone(&s.text))
    }

    /// The text a span covers.
    pub fn snippet(&self, span: Span) -> Option<String> {
        let source = self.get(span.source)?;
        source.text.get(span.start as usize..span.end as usize).map(str::to_owned)
    }

    /// Line and column of a span's start.
    pub fn position(&self, span: Span) -> Option<Position> {
        let source = self.get(span.source)?;
        let start = (span.start as usize).min(source.text.len());
        let line = source.line_starts.partition_point(|s| *s as usize <= start);
        let line_start = source.line_starts.get(line.wrapping_sub(1)).copied().unwrap_or(0) as usize;
        let column = source.text.get(line_start..start).map_or(start - line_start, |t| t.chars().count()) + 1;
        Some(Position { name: Arc::clone(&source.name), line, column })
    }

    /// Byte offset of a one-based line and column (in characters), for parsers that report those.
    pub fn offset(&self, id: SourceId, line: usize, column: usize) -> Option<usize> {
        let source = self.get(id)?;
        let line_start = *source.line_starts.get(line.checked_sub(1)?)? as usize;
        let rest = source.text.get(line_start..)?;
        let skip = rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(i, _)| i);
        Some(line_start + skip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_not_bytes() {
        let sources = Sources::new();
        let id = sources.add("a.yml", "é: 1\nü: 2\n");
        let position = sources.position(Span::new(id, 10, 11)).unwrap();
        assert_eq!(position.to_string(), "a.yml:2:4");
        assert_eq!(sources.offset(id, 2, 4), Some(10));
        assert_eq!(sources.snippet(Span::new(id, 0, 2)).as_deref(), Some("é"));
    }

    #[test]
    fn a_sealed_file_keeps_its_places_and_hides_its_lines() {
        let sources = Sources::new();
        sources.seal(Path::new("vault.yml"));
        let (sealed, open) = (sources.add_file(Path::new("vault.yml"), "a: b\n"), sources.add("x.yml", "a: b\n"));
        assert!(sources.is_sealed(sealed) && !sources.is_sealed(open));
        assert_eq!(sources.position(Span::new(sealed, 3, 4)).unwrap().to_string(), "vault.yml:1:4");
    }
}
