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
    encoded_text(call, name, "utf-8")
}

/// A file of the `files` folders as text of an encoding, by Python's names for it.
pub(crate) fn encoded_text(call: &LookupCall<'_>, name: &str, encoding: &str) -> Result<String, TemplateError> {
    let path = call.scope().need_file("files", name).map_err(|error| match call.name().rsplit('.').next() {
        Some("file") => error
            .reworded(format!("Unable to access the file '{name}': File not found. Use -vvvvv to see paths searched.")),
        Some("csvfile") => {
            let message = format!("{}: No such file or directory", error.message().trim_end_matches('.'));
            error.reworded(message)
        }
        Some("unvault") => error.reworded(format!("Unable to find file matching \"{name}\"")),
        _ => error,
    })?;
    let bytes = call
        .engine()
        .files()
        .read(&path)
        .map_err(|e| TemplateError::file(format!("Unable to access the file '{name}'.")).note(e.to_string()))?;
    decode(bytes, encoding)?.ok_or_else(|| {
        let shown = if encoding.eq_ignore_ascii_case("utf-8") { "UTF-8" } else { encoding };
        TemplateError::file(format!("the file '{name}' is not {shown} text"))
    })
}

/// Bytes as text, `None` where they are no text of this encoding.
fn decode(bytes: Vec<u8>, encoding: &str) -> Result<Option<String>, TemplateError> {
    let wide = |bytes: &[u8], read: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().copied().map(read).collect();
        String::from_utf16(&units).ok().filter(|_| rest.is_empty())
    };
    let folded = encoding.to_ascii_lowercase().replace(['_', ' '], "-");
    Ok(match folded.as_str() {
        "utf-8" | "utf8" | "u8" | "cp65001" => String::from_utf8(bytes).ok(),
        "utf-8-sig" => {
            let text = String::from_utf8(bytes).ok();
            text.map(|text| text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned))
        }
        "ascii" | "us-ascii" | "646" => String::from_utf8(bytes).ok().filter(|text| text.is_ascii()),
        "latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" | "8859" | "cp819" | "l1" => {
            Some(bytes.into_iter().map(char::from).collect())
        }
        "utf-16-le" | "utf-16le" => wide(&bytes, u16::from_le_bytes),
        "utf-16-be" | "utf-16be" => wide(&bytes, u16::from_be_bytes),
        "utf-16" | "utf16" | "u16" => match bytes.as_slice() {
            [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
            [0xff, 0xfe, rest @ ..] | rest => wide(rest, u16::from_le_bytes),
        },
        _ => {
            let known = ["utf-8", "utf-8-sig", "utf-16", "latin-1", "ascii"];
            let error = TemplateError::value_error(format!("unknown encoding: {encoding}"));
            return Err(error.hint(format!("`encoding` is one of {}", rplay_diag::quoted_list(known))));
        }
    })
}

/// Refuses options beyond those a lookup takes, naming the nearest.
pub(crate) fn only_options(call: &LookupCall<'_>, known: &[&'static str]) -> Result<(), TemplateError> {
    let Some((name, _)) = call.keywords().iter().find(|(name, _)| !known.contains(&&**name)) else { return Ok(()) };
    let hint = rplay_diag::nearest(name, known.iter().copied()).map_or_else(
        || format!("it takes {}", rplay_diag::quoted_list(known.iter().copied())),
        |near| format!("there is an option `{near}`"),
    );
    Err(call.error(format!("the {} lookup has no option '{name}'", call.name())).hint(hint))
}

/// A filter of ansible.utils called as a lookup: its input is the first term, or the keyword `data` or `var`.
pub(crate) fn as_filter(call: &LookupCall<'_>, name: &str) -> Result<Vec<Mj>, TemplateError> {
    let mut keywords = call.keywords().clone();
    let mut args = call.terms().to_vec();
    let input = match keywords.iter().position(|(key, _)| matches!(&**key, "data" | "var")) {
        Some(at) => keywords.remove(at).1,
        None if args.is_empty() => return Err(call.error("missing required arguments: data")),
        None => args.remove(0),
    };
    keywords.retain(|(key, _)| &**key != "wantlist");
    keywords.push(("wantlist".into(), Mj::from(true)));
    let found = crate::plugin::call_filter(call.scope(), &format!("ansible.utils.{name}"), input, args, keywords)?;
    py::iterate(&found)
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
    fn encodings_have_pythons_names() {
        let text = |bytes: &[u8], encoding: &str| decode(bytes.to_vec(), encoding).unwrap();
        assert_eq!(text(b"\xe9", "Latin_1").as_deref(), Some("\u{e9}"));
        assert_eq!(text(b"\xe9", "utf-8"), None);
        assert_eq!(text(b"\xef\xbb\xbfa", "utf-8-sig").as_deref(), Some("a"));
        assert_eq!(text(b"\xff\xfea\0", "utf-16").as_deref(), Some("a"));
        assert_eq!(text(b"\0a", "UTF-16-BE").as_deref(), Some("a"));
        assert_eq!(text(b"a\0b", "utf-16-le"), None);
        assert_eq!(text("\u{e9}".as_bytes(), "ascii"), None);
        assert_eq!(decode(Vec::new(), "nope").unwrap_err().message(), "unknown encoding: nope");
    }

    #[test]
    fn terms_split_into_pairs() {
        let (raw, pairs) = key_values("my key file=a.ini  section='a b'");
        assert_eq!(raw, "my key");
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        assert_eq!(pairs, [pair("file", "a.ini"), pair("section", "a b")]);
    }
}
