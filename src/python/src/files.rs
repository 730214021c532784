//! Where plugins' files are: folders beside playbooks and in roles, configured folders, collections.

use std::path::{Path, PathBuf};

use rplay_template::PluginKind;

/// A plugin that was found.
#[derive(Clone, Debug)]
pub(crate) struct Plugin {
    pub(crate) kind: PluginKind,
    /// Its name inside its file.
    pub(crate) short: String,
    /// The name that messages show.
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    /// The collection it belongs to: `ns.name`.
    pub(crate) collection: Option<String>,
    /// Why it cannot be run.
    pub(crate) trouble: Option<Trouble>,
}

/// Why a plugin that seems to be there cannot be run.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// There is no Python.
    NoPython(String),
    /// Its file cannot be imported.
    Import(Flaw),
    /// The collection says that it is another plugin now.
    Redirect(String),
    /// The collection says that it is no more.
    Removed(String),
}

/// What Python said about a file or a call, and where.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flaw {
    pub(crate) message: String,
    pub(crate) place: PathBuf,
    pub(crate) line: usize,
    /// The module that could not be imported.
    pub(crate) missing: Option<String>,
}

/// The name of the folder beside a playbook or in a role.
pub(crate) fn folder_name(kind: PluginKind) -> &'static str {
    match kind {
        PluginKind::Filter => "filter_plugins",
        PluginKind::Test => "test_plugins",
        PluginKind::Lookup => "lookup_plugins",
    }
}

/// The Python files of a folder, sorted by name; packages' own files are none.
pub(crate) fn python_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs_err::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "py"))
        .filter(|path| path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('_')))
        .collect();
    files.sort();
    files
}

/// Whether a file's text holds a name in quotes, or as an argument of `dict(..)`, as those that provide it do.
pub(crate) fn mentions(file: &Path, name: &str) -> bool {
    let Ok(text) = fs_err::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()) else { return false };
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        matches!((before, after), (Some('\''), Some('\'')) | (Some('"'), Some('"')) | (_, Some('=')))
    })
}

/// The native names that a folder's files may provide themselves. Usually there is no such folder, or none in it.
pub(crate) fn natives_named(kind: PluginKind, folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for file in python_files(folder) {
        if kind == PluginKind::Lookup {
            names.extend(file.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
            continue;
        }
        let Ok(bytes) = fs_err::read(&file) else { continue };
        names.extend(keys(&String::from_utf8_lossy(&bytes)));
    }
    names.sort_unstable();
    names.dedup();
    names.retain(|name| {
        let word = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        word && rplay_template::is_native(kind, name)
    });
    names
}

/// The names that a text in Python gives functions, sorted: those of the filters of `filters()`, of the tests of `tests()`.
pub fn provided_names(text: &str) -> Vec<String> {
    let mut names = keys(text);
    names.sort_unstable();
    names.dedup();
    names
}

/// Words that stand where a Python file names a function that it provides: `'word': f`, `['word'] = f`, `dict(word=f)`.
fn keys(text: &str) -> Vec<String> {
    let mut keys = Vec::new();
    for (at, _) in text.match_indices([':', ']']) {
        let Some(word) = text[..at].trim_end_matches(' ').strip_suffix(['\'', '"']) else { continue };
        let after = text[at + 1..].trim_start_matches(' ');
        let value = if text.as_bytes()[at] == b':' { Some(after) } else { after.strip_prefix('=') };
        if value.is_some_and(names_something) {
            keys.extend(last_word(word));
        }
    }
    for (at, _) in text.match_indices("dict(") {
        let inside = text[at..].split(')').next().unwrap_or_default();
        for (equals, _) in inside.match_indices('=') {
            if names_something(&inside[equals + 1..]) {
                keys.extend(last_word(inside[..equals].trim_end()));
            }
        }
    }
    keys
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The word that ends a text.
fn last_word(text: &str) -> Option<String> {
    let start = text.rfind(|c| !is_word(c)).map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    (start < text.len()).then(|| text[start..].to_owned())
}

/// Whether a value could be a function: a name or a `lambda`, on this line or the next.
fn names_something(value: &str) -> bool {
    let value = value.trim_start();
    let word = value.split(|c| !is_word(c)).next().unwrap_or_default();
    value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && !matches!(word, "None" | "True" | "False")
        || value.starts_with('(')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_provides_a_name_mentions_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.py");
        fs_err::write(&file, "return {'one': f, \"two\": g}\nreturn dict(three=h)\nfour(five)\n").unwrap();
        for (name, there) in [("one", true), ("two", true), ("three", true), ("four", false), ("five", false)] {
            assert_eq!(mentions(&file, name), there, "{name}");
        }
    }

    #[test]
    fn keys_are_what_a_file_may_provide() {
        let text = "filters['upper'](x)\nx = {'comment': f, \"b64encode\" : g}\nall['lower'] = h\nif a['sum'] == 1: pass\n\
                    dict(first=i, last = j)\ndef f(x, default=None, map=y): {'min': 1, 'max': None, 'é': 'x'}\n\
                    {'long':\n   (function), 'list': self.method}\n";
        assert_eq!(keys(text), ["comment", "b64encode", "lower", "long", "list", "first", "last"]);
    }

    #[test]
    fn packages_and_other_files_are_no_plugins() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.py", "a.py", "__init__.py", "a.pyc", "notes.txt"] {
            fs_err::write(dir.path().join(name), "").unwrap();
        }
        let names: Vec<_> = python_files(dir.path()).iter().map(|p| p.file_name().unwrap().to_owned()).collect();
        assert_eq!(names, ["a.py", "b.py"]);
        assert!(python_files(&dir.path().join("none")).is_empty());
    }
}
