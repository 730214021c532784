//! Errors and warnings as they travel in events: messages with places, free of any file the reader may not have.

use std::sync::Arc;

use rplay_diag::{Diagnostic, Sources, Span};
use serde::{Deserialize, Serialize};

/// A place in a file, with the lines that Ansible shows around it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The file's full path, or a description in angle brackets.
    pub file: Arc<str>,
    /// One-based line; 0 for a value that has a description and no lines.
    pub line: usize,
    /// One-based column, counted in characters.
    pub column: usize,
    /// Up to two lines before the line, then the line itself. What is described: itself, on one line.
    #[serde(default)]
    pub lines: Vec<String>,
}

impl Place {
    /// The place of a span, with its lines.
    pub fn of(sources: &Sources, span: Span) -> Option<Self> {
        let position = sources.position(span)?;
        let text = sources.text(span.source)?;
        if sources.is_described(span.source) {
            return Some(Self { file: position.name, line: 0, column: 0, lines: vec![shortened(&text)] });
        }
        let first = position.line.saturating_sub(3);
        let lines = if sources.is_sealed(span.source) {
            Vec::new()
        } else {
            text.lines().skip(first).take(position.line - first).map(str::to_owned).collect()
        };
        // Ansible shows full paths; descriptions in angle brackets are no paths.
        let absolute = || std::path::absolute(&*position.name).ok().map(|path| Arc::from(path.to_string_lossy()));
        let file = if position.name.starts_with(['<', '/']) { None } else { absolute() };
        Some(Self { file: file.unwrap_or(position.name), line: position.line, column: position.column, lines })
    }

    /// `file:line`, as in `task path:`.
    pub fn path(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.line == 0 {
            return f.write_str(&self.file);
        }
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A text on one line of at most 120 characters, cut after a word: as Python's `textwrap.shorten`.
fn shortened(text: &str) -> String {
    const WIDTH: usize = 120;
    const CUT: &str = " [...]";
    let whole = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if whole.chars().count() <= WIDTH {
        return whole;
    }
    let mut out = String::new();
    let mut taken = 0;
    for word in whole.split(' ') {
        let more = word.chars().count() + usize::from(!out.is_empty());
        if taken + more + CUT.len() > WIDTH {
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        taken += more;
    }
    out.push_str(CUT);
    out.trim_start().to_owned()
}

/// One link of a chain of causes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The message.
    pub message: String,
    /// Where it happened.
    #[serde(default)]
    pub place: Option<Place>,
    /// What would help.
    #[serde(default)]
    pub help: Option<String>,
}

/// An error with its causes: what follows `[ERROR]:` in Ansible's output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Outermost first. Never empty.
    pub chain: Vec<Cause>,
}

impl Report {
    /// An error of one message.
    pub fn new(message: impl Into<String>, place: Option<Place>) -> Self {
        Self { chain: vec![Cause { message: message.into(), place, help: None }] }
    }

    /// Adds what caused the links so far.
    #[must_use]
    pub fn caused_by(mut self, message: impl Into<String>, place: Option<Place>, help: Option<String>) -> Self {
        self.chain.push(Cause { message: message.into(), place, help });
        self
    }

    /// All messages in one line, joined as ansible-core 2.19 does: `outer: inner`.
    ///
    /// A message that already ends its parent's is not repeated.
    pub fn message(&self) -> String {
        let mut text = String::new();
        for cause in &self.chain {
            if text.is_empty() {
                text.push_str(&cause.message);
            } else if !text.ends_with(&cause.message) {
                let kept = text.trim_end_matches(['.', ' ', ':']).len();
                text.truncate(kept);
                text.push_str(": ");
                text.push_str(&cause.message);
            }
        }
        text
    }
}

/// A warning or a deprecation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Notice {
    /// The message.
    pub message: String,
    /// What it is about.
    #[serde(default)]
    pub place: Option<Place>,
    /// What would help.
    #[serde(default)]
    pub help: Option<String>,
    /// For a deprecation: the release that removes it.
    #[serde(default)]
    pub version: Option<String>,
    /// For a deprecation: the day after which a release may remove it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// For a deprecation: the collection that says so, or the plugin by its full name. ansible-core's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// For a deprecation that a plugin says: its kind (`module`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

impl Notice {
    /// For a deprecation: the collection that says so.
    pub fn collection(&self) -> &str {
        let Some(by) = self.by.as_deref() else { return "ansible.builtin" };
        let end = by.match_indices('.').nth(1).map_or(by.len(), |(at, _)| at);
        &by[..end]
    }

    /// When and from where a deprecated thing goes, as ansible-core 2.19 words it: `from collection 'a.b' version 3.0.0`.
    pub fn removal(&self) -> String {
        let collection = self.collection();
        let of = match (&self.kind, self.by.as_deref()) {
            (Some(kind), Some(by)) => {
                let name = by.get(collection.len() + 1..).unwrap_or(by);
                format!("from {kind} '{name}' in collection '{collection}'")
            }
            _ if collection == "ansible.builtin" => "from ansible-core".to_owned(),
            _ => format!("from collection '{collection}'"),
        };
        match (&self.version, &self.date) {
            (Some(version), _) => format!("{of} version {version}"),
            (None, Some(date)) => format!("{of} in a release after {date}"),
            (None, None) if self.by.is_some() => format!("{of} in a future release"),
            (None, None) => "in the future".to_owned(),
        }
    }

    /// A message without a place.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// A diagnostic's message, first place and hints.
    pub fn of(diagnostic: &Diagnostic, sources: &Sources) -> Self {
        let place = diagnostic.labels.first().and_then(|label| Place::of(sources, label.span));
        let help = (!diagnostic.hints.is_empty()).then(|| diagnostic.hints.join(" "));
        Self { message: diagnostic.message.clone(), place, help, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_carries_the_lines_ansible_shows() {
        let sources = Sources::new();
        let id = sources.add("/site.yml", "a: 1\nb: 2\nc: 3\nd: {{ x }}\n");
        let place = Place::of(&sources, Span::new(id, 18, 25)).unwrap();
        assert_eq!(place.to_string(), "/site.yml:4:4");
        assert_eq!(place.lines, ["b: 2", "c: 3", "d: {{ x }}"]);
    }

    #[test]
    fn causes_join_without_repeating_themselves() {
        let report = Report::new("Task failed.", None)
            .caused_by("Error while evaluating conditional: 'x' is undefined", None, None)
            .caused_by("'x' is undefined", None, None);
        assert_eq!(report.message(), "Task failed: Error while evaluating conditional: 'x' is undefined");
    }
}
