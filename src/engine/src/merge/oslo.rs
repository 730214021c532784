//! INI as OpenStack's services read it (oslo.config): keys that repeat, values that go on in indented lines.

use std::fmt::Write;

use indexmap::IndexMap;
use rplay_value::Value;

/// What a line may not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Wrong {
    #[error("No ':' or '=' found in assignment")]
    Assignment,
    #[error("Key cannot be empty")]
    Key,
    #[error("Unexpected continuation line")]
    Continuation,
    #[error("Invalid section (must end with ])")]
    Section,
    #[error("Empty section name")]
    SectionName,
}

/// A line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at line {line}, {wrong}: {}", Value::from(text.as_str()).repr())]
pub(crate) struct OsloError {
    /// Counted over all files that were laid over one another, from 1.
    line: usize,
    wrong: Wrong,
    text: String,
}

/// One assignment: its lines, none for an empty value.
type Assigned = Vec<String>;
type Section = IndexMap<String, Vec<Assigned>>;

/// Files laid over one another: a key of a later file replaces the key's values of those before it; a key that repeats
/// in one file keeps all its values. `None` is what stands before any section.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    sections: IndexMap<Option<String>, Section>,
    lines: usize,
}

impl Merged {
    /// Lays another file over what is there.
    pub(crate) fn add(&mut self, text: &str) -> Result<(), OsloError> {
        let mut read = Reader::default();
        for line in text.split_terminator('\n') {
            self.lines += 1;
            let line = line.trim_end();
            read.line(line).map_err(|wrong| OsloError { line: self.lines, wrong, text: line.to_owned() })?;
        }
        read.assign();
        for (name, keys) in read.sections {
            let section = self.sections.entry(name).or_default();
            for (key, values) in keys {
                section.insert(key, values);
            }
        }
        Ok(())
    }

    /// As a file; `spaces` stand around `=`.
    pub(crate) fn text(&self, spaces: bool) -> String {
        let space = if spaces { " " } else { "" };
        let mut out = String::new();
        for (name, keys) in &self.sections {
            if let Some(name) = name {
                let _ = writeln!(out, "[{name}]");
            }
            for (key, values) in keys {
                for lines in values {
                    let Some((first, more)) = lines.split_first() else {
                        let _ = writeln!(out, "{key}{space}=");
                        continue;
                    };
                    let _ = writeln!(out, "{key}{space}={space}{first}");
                    // Further lines stand under the first one's value.
                    let indent = key.chars().count() + 2 * space.len() + 1;
                    for line in more {
                        let _ = writeln!(out, "{:indent$}{line}", "");
                    }
                }
            }
            out.push('\n');
        }
        out
    }
}

/// One file while it is read.
#[derive(Default)]
struct Reader {
    sections: IndexMap<Option<String>, Section>,
    section: Option<String>,
    open: Option<(String, Vec<String>)>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), Wrong> {
        if line.is_empty() {
            self.assign();
            return Ok(());
        }
        if line.starts_with([' ', '\t']) {
            let (_, lines) = self.open.as_mut().ok_or(Wrong::Continuation)?;
            lines.push(line.trim_start().to_owned());
            return Ok(());
        }
        self.assign();
        if let Some(name) = line.strip_prefix('[') {
            let name = name.strip_suffix(']').ok_or(Wrong::Section)?;
            if name.is_empty() {
                return Err(Wrong::SectionName);
            }
            self.section = Some(name.to_owned());
            self.sections.entry(self.section.clone()).or_default();
        } else if !line.starts_with(['#', ';']) {
            let at = line.find([':', '=']).ok_or(Wrong::Assignment)?;
            let key = line[..at].trim();
            if key.is_empty() {
                return Err(Wrong::Key);
            }
            self.open = Some((key.to_owned(), vec![unquoted(line[at + 1..].trim()).to_owned()]));
        }
        Ok(())
    }

    /// The assignment ends.
    fn assign(&mut self) {
        let Some((key, mut lines)) = self.open.take() else { return };
        if lines == [""] {
            lines.clear();
        }
        self.sections.entry(self.section.clone()).or_default().entry(key).or_default().push(lines);
    }
}

/// Without the quotes around it. A lone quote loses itself, as in oslo.config.
fn unquoted(value: &str) -> &str {
    match value.chars().next() {
        Some(quote @ ('"' | '\'')) if value.ends_with(quote) => value.get(1..value.len() - 1).unwrap_or_default(),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(texts: &[&str], spaces: bool) -> String {
        let mut merged = Merged::default();
        for text in texts {
            merged.add(text).unwrap();
        }
        merged.text(spaces)
    }

    #[test]
    fn a_later_file_replaces_keys_and_keeps_order() {
        let text = merged(&["[a]\nx = 1\ny = 2\n[b]\nz: 3\n", "[a]\ny = 'new'\n[c]\nw = 4\n"], true);
        assert_eq!(text, "[a]\nx = 1\ny = new\n\n[b]\nz = 3\n\n[c]\nw = 4\n\n");
    }

    #[test]
    fn repeated_keys_of_one_file_stay_and_lines_go_on() {
        let text = merged(&["top=1\n[a]\nx = 1\nx = 2\nmore = a\n  b\n\tc\nempty =\n"], true);
        assert_eq!(text, "top = 1\n\n[a]\nx = 1\nx = 2\nmore = a\n       b\n       c\nempty =\n\n");
        assert_eq!(merged(&["[a]\nx = 1\n  2\n"], false), "[a]\nx=1\n  2\n\n");
    }

    #[test]
    fn wrong_lines_are_named() {
        let error = |text: &str| Merged::default().add(text).unwrap_err().to_string();
        assert_eq!(error("[a]\nnonsense\n"), "at line 2, No ':' or '=' found in assignment: 'nonsense'");
        assert_eq!(error("  x\n"), "at line 1, Unexpected continuation line: '  x'");
        assert_eq!(error("[a\n"), "at line 1, Invalid section (must end with ]): '[a'");
        assert_eq!(error("[]\n"), "at line 1, Empty section name: '[]'");
        assert_eq!(error("=1\n"), "at line 1, Key cannot be empty: '=1'");
    }

    #[test]
    fn a_lone_quote_is_no_text() {
        assert_eq!(merged(&["a = \"\n"], true), "a =\n\n");
    }
}
