//! INI files as Python's `configparser` reads them.

use crate::TemplateError;

/// How a text is read.
pub(crate) struct Rules<'a> {
    /// The file, for messages.
    pub(crate) file: &'a str,
    /// Java properties: no sections.
    pub(crate) properties: bool,
    /// Whether keys keep their case.
    pub(crate) case_sensitive: bool,
    /// Whether a key may have no value.
    pub(crate) allow_no_value: bool,
}

impl Default for Rules<'_> {
    fn default() -> Self {
        Self { file: "<string>", properties: false, case_sensitive: true, allow_no_value: false }
    }
}

/// Keys and values of a section; a key may stand alone.
pub(crate) type Entries = Vec<(String, Option<String>)>;

/// The entries of a section behind those of `[DEFAULT]`, which it may replace.
pub(crate) fn entries(sections: &[(String, Entries)], name: &str) -> Option<Entries> {
    let of = |name: &str| sections.iter().find(|(known, _)| known == name).map(|(_, entries)| entries);
    let own = of(name)?;
    let Some(defaults) = of("DEFAULT").filter(|_| name != "DEFAULT") else { return Some(own.clone()) };
    let find = |among: &Entries, key: &str| among.iter().position(|(known, _)| known == key);
    let of_section = |entry: &(String, Option<String>)| find(own, &entry.0).map_or(entry, |at| &own[at]).clone();
    let mut all: Entries = defaults.iter().map(of_section).collect();
    all.extend(own.iter().filter(|(key, _)| find(defaults, key).is_none()).cloned());
    Some(all)
}

/// As Python's `configparser`: `=` or `:`, whole-line comments with `#` or `;`, indented lines continue a value.
pub(crate) fn parse(text: &str, wanted: &Rules<'_>) -> Result<Vec<(String, Entries)>, TemplateError> {
    let mut sections: Vec<(String, Entries)> = Vec::new();
    if wanted.properties {
        sections.push(("java_properties".to_owned(), Vec::new()));
    }
    let mut indent_of_key = 0;
    for (number, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.starts_with(['#', ';']) {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let last = sections.last_mut().and_then(|(_, entries)| entries.last_mut());
        if trimmed.is_empty() {
            if let Some((_, Some(value))) = last {
                value.push('\n');
            }
            continue;
        }
        if indent > indent_of_key
            && let Some((_, Some(value))) = last
        {
            value.push('\n');
            value.push_str(trimmed);
            continue;
        }
        indent_of_key = indent;
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.rfind(']').map(|end| &rest[..end])) {
            if !sections.iter().any(|(known, _)| known == name) {
                sections.push((name.to_owned(), Vec::new()));
            } else if let Some(at) = sections.iter().position(|(known, _)| known == name) {
                let section = sections.remove(at);
                sections.push(section);
            }
            continue;
        }
        let bad = || {
            let message = format!("'{}', line {}: {trimmed:?} is no entry", wanted.file, number + 1);
            TemplateError::plugin(message)
        };
        let (_, entries) = sections.last_mut().ok_or_else(bad)?;
        let (key, value) = match trimmed.split_once(['=', ':']) {
            Some((key, value)) => (key.trim_end(), Some(value.trim().to_owned())),
            None if wanted.allow_no_value => (trimmed, None),
            None => return Err(bad()),
        };
        let key = if wanted.case_sensitive { key.to_owned() } else { key.to_lowercase() };
        if entries.iter().any(|(known, _)| *known == key) {
            return Err(TemplateError::value_error(format!("Duplicate option in '{}'.", wanted.file)).note(key));
        }
        entries.push((key, value));
    }
    for (_, value) in sections.iter_mut().flat_map(|(_, entries)| entries) {
        if let Some(value) = value {
            value.truncate(value.trim_end().len());
        }
    }
    Ok(sections)
}
