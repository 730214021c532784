//! Files of repositories, read and written as Python's `configparser` does.

use rplay_value::Value;

type Section = (String, Vec<(String, String)>);
/// A key and its value's lines.
type Lines = (String, Vec<String>);

/// Sections in their order, with their entries.
#[derive(Debug, Default)]
pub(crate) struct RepoFile {
    /// `[DEFAULT]`, which every section inherits.
    defaults: Vec<(String, String)>,
    sections: Vec<Section>,
}

impl RepoFile {
    /// Parses a file's text; `shown` is its name in errors, which are `configparser`'s.
    pub(crate) fn parse(text: &str, shown: &str) -> Result<Self, String> {
        let mut sections: Vec<(String, Vec<Lines>)> = Vec::new();
        // The entry that indented lines go on with, and how far it is indented itself.
        let (mut is_open, mut indent) = (false, 0);
        let mut bad_lines = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let number = number + 1;
            let is_comment = line.trim_start().starts_with(['#', ';']);
            let value = if is_comment { "" } else { line.trim() };
            let last = sections.last_mut();
            let entry = last.filter(|_| is_open).and_then(|(_, entries)| entries.last_mut());
            if value.is_empty() {
                if let Some((_, lines)) = entry.filter(|_| !is_comment) {
                    lines.push(String::new());
                }
                continue;
            }
            let this_indent = line.len() - line.trim_start().len();
            if let Some((_, lines)) = entry.filter(|_| this_indent > indent) {
                lines.push(value.to_owned());
                continue;
            }
            indent = this_indent;
            let name = value.strip_prefix('[').and_then(|rest| rest.rfind(']').map(|end| &rest[..end]));
            if let Some(name) = name.filter(|name| !name.is_empty()) {
                if sections.iter().any(|(known, _)| known == name) {
                    return Err(format!(
                        "While reading from '{shown}' [line {number:2}]: section '{name}' already exists"
                    ));
                }
                sections.push((name.to_owned(), Vec::new()));
                is_open = false;
                continue;
            }
            let Some((section, entries)) = sections.last_mut() else {
                let quoted = Value::from(format!("{line}\n")).repr();
                return Err(format!("File contains no section headers.\nfile: '{shown}', line: {number}\n{quoted}"));
            };
            let parts = value.find(['=', ':']).map(|at| (value[..at].trim(), value[at + 1..].trim()));
            let Some((key, content)) = parts.filter(|(key, _)| !key.is_empty()) else {
                bad_lines.push(format!("\n\t[line {number:2}]: {}", Value::from(format!("{line}\n")).repr()));
                continue;
            };
            let key = key.to_lowercase();
            if entries.iter().any(|(known, _)| *known == key) {
                return Err(format!(
                    "While reading from '{shown}' [line {number:2}]: option '{key}' in section '{section}' already exists"
                ));
            }
            entries.push((key, vec![content.to_owned()]));
            is_open = true;
        }
        if !bad_lines.is_empty() {
            return Err(format!("Source contains parsing errors: '{shown}'{}", bad_lines.concat()));
        }
        let mut file = Self::default();
        for (name, entries) in sections {
            let entries: Vec<_> =
                entries.into_iter().map(|(key, lines)| (key, lines.join("\n").trim_end().to_owned())).collect();
            if name == "DEFAULT" {
                file.defaults = entries;
            } else {
                file.sections.push((name, entries));
            }
        }
        Ok(file)
    }

    /// Takes a section out.
    pub(crate) fn remove(&mut self, name: &str) {
        self.sections.retain(|(known, _)| known != name);
    }

    /// Adds a section at the end.
    pub(crate) fn add(&mut self, name: &str, entries: Vec<(String, String)>) {
        self.sections.push((name.to_owned(), entries));
    }

    /// Whether no section is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }

    /// The file's text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let defaults = (!self.defaults.is_empty()).then_some(("DEFAULT", &self.defaults));
        for (name, entries) in defaults.into_iter().chain(self.sections.iter().map(|(name, e)| (name.as_str(), e))) {
            text.push_str(&format!("[{name}]\n"));
            for (key, value) in entries {
                text.push_str(&format!("{key} = {}\n", value.replace('\n', "\n\t")));
            }
            text.push('\n');
        }
        text
    }

    /// Sections and entries sorted, each with what it inherits: what differences are shown of.
    pub(crate) fn listing(&self) -> String {
        let mut sections: Vec<&Section> = self.sections.iter().collect();
        sections.sort();
        let mut text = String::new();
        for (name, own) in sections {
            text.push_str(&format!("[{name}]\n"));
            let inherited = self.defaults.iter().filter(|(key, _)| !own.iter().any(|(known, _)| known == key));
            let mut entries: Vec<_> = own.iter().chain(inherited).collect();
            entries.sort();
            for (key, value) in entries {
                text.push_str(&format!("{key} = {value}\n"));
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::RepoFile;

    #[test]
    fn values_go_on_in_indented_lines() {
        let text = "# top\n[b]\nName: B\nbaseurl=http://a/\n  http://b/\n\n\n[DEFAULT]\nx = 1\n[a]\n; no\nx=2\n";
        let file = RepoFile::parse(text, "f").unwrap();
        assert_eq!(
            file.text(),
            "[DEFAULT]\nx = 1\n\n[b]\nname = B\nbaseurl = http://a/\n\thttp://b/\n\n[a]\nx = 2\n\n"
        );
        assert_eq!(file.listing(), "[a]\nx = 2\n\n[b]\nbaseurl = http://a/\nhttp://b/\nname = B\nx = 1\n\n");
    }

    #[test]
    fn errors_are_those_of_configparser() {
        let error = |text: &str| RepoFile::parse(text, "f").unwrap_err();
        assert_eq!(error("[a]\n[a]\n"), "While reading from 'f' [line  2]: section 'a' already exists");
        assert_eq!(
            error("[a]\nx=1\nX=2\n"),
            "While reading from 'f' [line  3]: option 'x' in section 'a' already exists"
        );
        assert_eq!(error("[a]\nx\n"), "Source contains parsing errors: 'f'\n\t[line  2]: 'x\\n'");
    }
}
