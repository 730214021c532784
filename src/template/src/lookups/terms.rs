//! What several lookups share: flattening, `key=value` terms, commands.

use std::path::Path;
use std::process::{Command, Stdio};

use minijinja::Value as Mj;

use crate::py::{self, Kind};
use crate::{LookupCall, TemplateError};

/// Lists among the items opened, one level.
pub(crate) fn flatten(items: &[Mj]) -> Result<Vec<Mj>, TemplateError> {
    let mut out = Vec::new();
    for item in items {
        match py::kind(item) {
            Kind::List(_) | Kind::Tuple(_) => out.extend(py::iterate(item)?),
            _ => out.push(item.clone()),
        }
    }
    Ok(out)
}

/// A term split at blanks outside quotes: `key=value` pairs, and the rest joined again.
pub(crate) fn key_values(term: &str) -> (String, Vec<(String, String)>) {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    for c in term.chars() {
        match (quote, c) {
            (None, c) if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
        word.push(c);
    }
    if !word.is_empty() {
        words.push(word);
    }
    let mut raw = Vec::new();
    let mut pairs = Vec::new();
    for word in words {
        match word.split_once('=') {
            Some((key, value)) if !key.is_empty() && !key.starts_with(['\'', '"']) => {
                pairs.push((key.to_owned(), unquote(value).to_owned()));
            }
            _ => raw.push(word),
        }
    }
    (raw.join(" "), pairs)
}

fn unquote(text: &str) -> &str {
    for quote in ['\'', '"'] {
        if text.len() >= 2 && text.starts_with(quote) && text.ends_with(quote) {
            return &text[1..text.len() - 1];
        }
    }
    text
}

/// What a shell command writes, run in the playbook's folder. Its errors go to the terminal.
pub(crate) fn shell_output(call: &LookupCall<'_>, command: &str) -> Result<String, TemplateError> {
    let folder = &call.scope().surroundings().basedir;
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let run = Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| call.error(format!("lookup_plugin.{}({command}): {e}", call.name())))?;
    if !run.status.success() {
        use std::os::unix::process::ExitStatusExt as _;
        let code = run.status.code().unwrap_or_else(|| -run.status.signal().unwrap_or(0));
        return Err(call.error(format!("lookup_plugin.{}({command}) returned {code}", call.name())));
    }
    Ok(String::from_utf8_lossy(&run.stdout).into_owned())
}

/// A file of the `files` folders as text.
pub(crate) fn file_text(call: &LookupCall<'_>, name: &str) -> Result<String, TemplateError> {
    let path = call.scope().need_file("files", name)?;
    let bytes = call
        .engine()
        .files()
        .read(&path)
        .map_err(|e| TemplateError::file(format!("Unable to access the file '{name}'.")).note(e.to_string()))?;
    String::from_utf8(bytes).map_err(|_| TemplateError::file(format!("the file '{name}' is not UTF-8 text")))
}

/// A term as text.
pub(crate) fn text(term: &Mj) -> Result<String, TemplateError> {
    py::trip(term)?;
    Ok(py::str(term))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_split_into_pairs() {
        let (raw, pairs) = key_values("my key file=a.ini  section='a b'");
        assert_eq!(raw, "my key");
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        assert_eq!(pairs, [pair("file", "a.ini"), pair("section", "a b")]);
    }
}
