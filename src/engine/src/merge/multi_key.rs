//! INI with keys that repeat and comments that stay, as `config_template` reads, overrides and writes it.

use std::sync::LazyLock;

use fancy_regex::Regex;
use indexmap::IndexMap;
use rplay_value::{List, Map, Value};

/// What a key has.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    /// The line stands as it is: a comment, an indented line, a key alone.
    Bare,
    One(String),
    /// The key stands once for each, in their order as texts.
    Many(Vec<String>),
}

/// A line's key: the number tells apart lines that are kept as they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    text: String,
    line: Option<usize>,
}

impl Key {
    fn of(text: &str) -> Self {
        Self { text: text.to_owned(), line: None }
    }
}

type Section = IndexMap<Key, Entry>;

/// A file with its overrides.
#[derive(Debug, Default)]
pub(crate) struct Ini {
    defaults: Section,
    sections: IndexMap<String, Section>,
    /// Lines ahead of any section, which have no place in what is written.
    pub(crate) ahead: usize,
}

const DEFAULT: &str = "DEFAULT";

static SECTION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\[(.+)\]").ok());

/// The name of a section's first line.
fn section_name(line: &str) -> Option<&str> {
    let found = SECTION.as_ref()?.captures(line).ok()??;
    found.get(1).map(|name| name.as_str())
}

impl Ini {
    /// Reads a file. Every line is kept, or counted in `ahead`.
    pub(crate) fn read(text: &str) -> Self {
        let mut ini = Self::default();
        let mut section: Option<String> = None;
        for (number, line) in text.split_terminator('\n').enumerate() {
            let line = line.trim_end_matches('\r');
            if let Some(name) = section_name(line) {
                section = Some(name.to_owned());
                if name != DEFAULT {
                    ini.sections.entry(name.to_owned()).or_default();
                }
                continue;
            }
            let into = match section.as_deref() {
                None => {
                    ini.ahead += usize::from(!line.trim().is_empty());
                    continue;
                }
                Some(DEFAULT) => &mut ini.defaults,
                Some(name) => ini.sections.entry(name.to_owned()).or_default(),
            };
            read_line(into, number, line);
        }
        ini
    }

    /// The section of this name, made at the end if it is new.
    pub(crate) fn section(&mut self, name: &str) {
        if name != DEFAULT {
            self.sections.entry(name.to_owned()).or_default();
        }
    }

    /// Sets a key anew. In `DEFAULT` it goes below a comment that names it.
    pub(crate) fn set(&mut self, section: &str, key: &str, value: &Value) {
        let entry = match value {
            // A set, or a mapping of keys alone, is a key that repeats.
            Value::Map(map) if map.values().all(|value| !value.is_true()) => {
                Entry::Many(map.keys().map(|key| key.to_str().into_owned()).collect())
            }
            Value::List(list) => Entry::One(joined(list)),
            other => Entry::One(other.to_str().into_owned()),
        };
        let into =
            if section == DEFAULT { &mut self.defaults } else { self.sections.entry(section.to_owned()).or_default() };
        into.shift_remove(&Key::of(key));
        let comment = format!("#{key}");
        match into.keys().position(|known| known.text.starts_with(&comment)).filter(|_| section == DEFAULT) {
            Some(at) => {
                into.shift_insert(at + 1, Key::of(key), entry);
            }
            None => {
                into.insert(Key::of(key), entry);
            }
        }
    }

    /// As a file. `ignore_none`: lines without a value are only kept where they are not empty.
    pub(crate) fn text(&self, ignore_none: bool) -> String {
        let mut out = String::new();
        if !self.defaults.is_empty() {
            write_section(&mut out, DEFAULT, &self.defaults, true);
        }
        for (name, section) in &self.sections {
            write_section(&mut out, name, section, ignore_none);
        }
        out
    }

    /// Sections with their values, for comparing two files: nothing without a value. What `DEFAULT` gives to all sections
    /// stands once, in the section for keys that have none.
    pub(crate) fn values(&self, default_section: &str) -> Map {
        let plain = |section: &Section| {
            let entries = section.iter().filter_map(|(key, entry)| match entry {
                Entry::One(text) if !text.is_empty() => {
                    Some((Value::from(key.text.as_str()), Value::from(text.as_str())))
                }
                Entry::Many(all) if !all.is_empty() => {
                    // As they are written: another order is no difference.
                    let mut all: Vec<&String> = all.iter().collect();
                    all.sort();
                    let list: List = all.into_iter().map(|text| Value::from(text.as_str())).collect();
                    Some((Value::from(key.text.as_str()), Value::List(list)))
                }
                _ => None,
            });
            entries.collect::<Map>()
        };
        let defaults = plain(&self.defaults);
        let mut out = Map::new();
        for (name, section) in &self.sections {
            let own: Map = plain(section)
                .iter()
                .filter(|(key, value)| defaults.get_value(key) != Some(value))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            if !own.is_empty() {
                out.insert(name.as_str(), own);
            }
        }
        if !defaults.is_empty() && !self.sections.is_empty() {
            let mut merged = defaults;
            if let Some(Value::Map(own)) = out.get(default_section) {
                merged.extend(own.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
            out.insert(default_section, merged);
        }
        out
    }
}

fn joined(list: &List) -> String {
    list.iter().map(|item| item.to_str().into_owned()).collect::<Vec<_>>().join(",")
}

fn read_line(into: &mut Section, number: usize, line: &str) {
    let at = line.find(['=', ':']);
    let key = line[..at.unwrap_or(line.len())].trim_end();
    let given = at.map(|at| line[at + 1..].trim_start());
    match given.filter(|value| !value.is_empty() && !key.is_empty() && !key.starts_with('#')) {
        None => {
            let entry = given.map_or(Entry::Bare, |value| Entry::One(value.to_owned()));
            into.insert(Key { text: key.to_owned(), line: Some(number) }, entry);
        }
        Some(value) => {
            // A comment behind the value needs a blank before it.
            let mut value = value;
            if let Some(at) = value.find(';')
                && value[..at].ends_with(char::is_whitespace)
            {
                value = &value[..at];
            }
            let value = match value.trim() {
                r#""""# => "",
                value => value,
            };
            add(into, key, value);
        }
    }
}

/// A key that is there already gets a further value, once.
fn add(into: &mut Section, key: &str, value: &str) {
    match into.entry(Key::of(key)) {
        indexmap::map::Entry::Vacant(new) => {
            new.insert(Entry::One(value.to_owned()));
        }
        indexmap::map::Entry::Occupied(mut known) => match known.get_mut() {
            Entry::Many(all) => {
                if !all.iter().any(|one| one == value) {
                    all.push(value.to_owned());
                }
            }
            Entry::One(one) if one == value => {}
            Entry::One(one) => {
                let all = vec![std::mem::take(one), value.to_owned()];
                known.insert(Entry::Many(all));
            }
            Entry::Bare => {
                known.insert(Entry::One(value.to_owned()));
            }
        },
    }
}

fn write_section(out: &mut String, name: &str, section: &Section, ignore_none: bool) {
    let mut lines = Vec::new();
    for (key, entry) in section {
        match entry {
            Entry::Bare if ignore_none && key.text.is_empty() => {}
            Entry::Bare => lines.push(format!("{}\n", key.text)),
            Entry::One(value) => lines.push(one(&key.text, value)),
            Entry::Many(all) => {
                let mut all: Vec<&String> = all.iter().collect();
                all.sort();
                lines.extend(all.iter().map(|value| one(&key.text, value)));
            }
        }
    }
    out.push_str(&format!("[{name}]\n{}\n", lines.concat()));
}

/// One assignment; a value's further lines are indented.
fn one(key: &str, value: &str) -> String {
    format!("{key} = {}\n", value.replace('\n', "\n\t"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "lost\n[DEFAULT]\n# a comment\n#debug = no\nurls =\n  one\n  two\n\n[s]\nkey = b ; why\nkey = a\nflag\nnone = \"\"\nx: y\n";

    #[test]
    fn lines_stay_and_keys_repeat() {
        let ini = Ini::read(FILE);
        assert_eq!(ini.ahead, 1);
        assert_eq!(
            ini.text(true),
            "[DEFAULT]\n# a comment\n#debug = no\nurls = \n  one\n  two\n\n[s]\nkey = a\nkey = b\nflag\nnone = \nx = y\n\n"
        );
    }

    #[test]
    fn overrides_go_below_their_comment_or_to_the_end() {
        let mut ini = Ini::read(FILE);
        ini.set("DEFAULT", "debug", &Value::Bool(true));
        ini.set("s", "key", &Value::from("new"));
        ini.section("t");
        let keys = Map::from_iter([("b", Value::Null), ("a", Value::Null)]);
        ini.set("t", "multi", &Value::Map(keys));
        ini.set("t", "list", &Value::List(["x", "y"].into_iter().map(Value::from).collect()));
        assert_eq!(
            ini.text(true),
            "[DEFAULT]\n# a comment\n#debug = no\ndebug = True\nurls = \n  one\n  two\n\n[s]\nflag\nnone = \nx = y\nkey = new\n\n[t]\nmulti = a\nmulti = b\nlist = x,y\n\n"
        );
    }

    #[test]
    fn empty_lines_stay_when_nothing_is_ignored() {
        assert_eq!(Ini::read("[s]\na = 1\n\nb = 2\n").text(false), "[s]\na = 1\n\nb = 2\n\n");
        assert_eq!(Ini::read("[s]\na = 1\n\nb = 2\n").text(true), "[s]\na = 1\nb = 2\n\n");
    }
}
