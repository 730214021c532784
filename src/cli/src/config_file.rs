//! The text of `ansible.cfg`: sections of keys with places, read as Python's configparser reads it.

use std::io;
use std::path::{Path, PathBuf};

use rplay_diag::{Diagnostic, Sources, Span};

/// A config file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// It cannot be read.
    #[error("could not read the config file {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// A line that is no section, key or comment.
    #[error("{problem}")]
    Syntax { problem: &'static str, span: Span },
}

impl ConfigError {
    pub(crate) fn diagnostic(&self) -> Diagnostic {
        let diagnostic = Diagnostic::error(self.to_string());
        match self {
            Self::Read { .. } => diagnostic,
            Self::Syntax { span, .. } => {
                diagnostic.at(*span, "here").hint("a config file holds `[section]` lines and `key = value` lines")
            }
        }
    }
}

/// Keys and values by section, in file order.
#[derive(Debug, Default)]
pub(crate) struct ConfigFile {
    entries: Vec<(String, String, String, Span)>,
}

impl ConfigFile {
    pub(crate) fn read(path: &Path, sources: &Sources) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::parse(&text, sources.add_file(path, text.as_str()))
    }

    fn parse(text: &str, source: rplay_diag::SourceId) -> Result<Self, ConfigError> {
        let mut file = Self::default();
        let mut section: Option<String> = None;
        let mut offset = 0;
        for line in text.split_inclusive('\n') {
            let start = offset;
            offset += line.len();
            let content = line.trim_end();
            let span = Span::new(source, start + (content.len() - content.trim_start().len()), start + content.len());
            let trimmed = content.trim_start();
            if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
                continue;
            }
            let continues = content.starts_with([' ', '\t']);
            if let (true, Some(last)) = (continues, file.entries.last_mut()) {
                last.2.push('\n');
                last.2.push_str(without_comment(trimmed));
                continue;
            }
            if let Some(name) = trimmed.strip_prefix('[').and_then(|t| t.split_once(']')).map(|(name, _)| name) {
                section = Some(name.to_owned());
                continue;
            }
            let Some(section) = &section else {
                return Err(ConfigError::Syntax { problem: "a key before the first section", span });
            };
            let Some((key, value)) = trimmed.split_once(['=', ':']) else {
                return Err(ConfigError::Syntax { problem: "this line has no `=`", span });
            };
            let value = without_comment(value.trim()).trim().to_owned();
            file.entries.push((section.clone(), key.trim().to_lowercase(), value, span));
        }
        Ok(file)
    }

    /// The last value of a key with its place.
    pub(crate) fn get(&self, section: &str, key: &str) -> Option<(&str, Span)> {
        self.entries.iter().rev().find(|e| e.0 == section && e.1 == key).map(|e| (e.2.as_str(), e.3))
    }

    /// Every key with its section and place.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (&str, &str, Span)> {
        self.entries.iter().map(|e| (e.0.as_str(), e.1.as_str(), e.3))
    }
}

/// Cuts an inline comment: ` ;` starts one, `#` does not (Ansible's `inline_comment_prefixes=(';',)`).
fn without_comment(value: &str) -> &str {
    match value.find(" ;").or_else(|| value.find("\t;")) {
        Some(at) => value[..at].trim_end(),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_continuations_and_both_separators() {
        let sources = Sources::new();
        let text = "# c\n[a]\nk = v ; c\nl: 1\n  2\n";
        let file = ConfigFile::parse(text, sources.add("x", text)).unwrap();
        assert_eq!(file.get("a", "k").unwrap().0, "v");
        assert_eq!(file.get("a", "l").unwrap().0, "1\n2");
        assert!(ConfigFile::parse("k = v", sources.add("x", "k = v")).is_err());
    }
}
