//! What a Python plugin says of itself: `DOCUMENTATION`, `EXAMPLES` and `RETURN` of its file or of the YAML file beside
//! it, with the fragments it shares with others.

use std::path::{Path, PathBuf};

use rplay_diag::SourceId;
use rplay_value::{List, Map, Value};
use rplay_yaml::Trust;

use super::literal::{self, Constant};

/// The documentation of one plugin, as `ansible-doc --json` shapes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Docs {
    /// `DOCUMENTATION` with what is known besides.
    pub(super) doc: Map,
    /// `EXAMPLES`: a text, or null.
    pub(super) examples: Value,
    /// `RETURN`: a mapping, or null.
    pub(super) returns: Value,
    /// `ANSIBLE_METADATA` of old files, or null.
    pub(super) metadata: Value,
    /// Fragments that only running them would tell: what they say is not there.
    pub(super) computed: Vec<String>,
}

impl Docs {
    /// The four parts under their names.
    pub(super) fn to_value(&self) -> Value {
        let parts = [
            ("doc", Value::Map(self.doc.clone())),
            ("examples", self.examples.clone()),
            ("metadata", self.metadata.clone()),
            ("return", self.returns.clone()),
        ];
        Value::from(Map::from_iter(parts))
    }
}

/// Why there is no documentation.
#[derive(Debug, thiserror::Error)]
pub(super) enum DocError {
    /// The file has none.
    #[error("{} has no DOCUMENTATION", .0.display())]
    None(PathBuf),
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A part of it is not YAML.
    #[error("{part} of {} is not YAML: {message}", path.display())]
    Yaml {
        /// Which file.
        path: PathBuf,
        /// `DOCUMENTATION`, ...
        part: &'static str,
        /// What is wrong.
        message: String,
    },
    /// A part of it has to be run.
    #[error("{part} of {} is computed: it can only be read by running it", path.display())]
    Computed {
        /// Which file.
        path: PathBuf,
        /// `DOCUMENTATION`, ...
        part: &'static str,
    },
    /// Fragments that are nowhere.
    #[error("unknown doc_fragment(s) in file {}: {names}", path.display())]
    Fragments {
        /// Which file.
        path: PathBuf,
        /// Their names.
        names: String,
    },
    /// A fragment that does not fit.
    #[error("the fragment `{fragment}` does not fit into {}: {what}", path.display())]
    Merge {
        /// Its name.
        fragment: String,
        /// Which file.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
}

/// Where fragments come from: the file of a name such as `files` or `community.general.attributes`.
pub(super) type FindFragment<'a> = &'a dyn Fn(&str) -> Option<(PathBuf, String)>;

/// Reads the documentation of a plugin in a `.py`, `.yml` or `.yaml` file. Versions that it gives are the collection's.
pub(super) fn read(
    path: &Path,
    collection: &str,
    is_module: bool,
    fragments: FindFragment<'_>,
) -> Result<Docs, DocError> {
    let mut docs = parts(path)?.ok_or_else(|| DocError::None(path.to_owned()))?;
    versions(&mut docs.doc, collection, is_module);
    docs.computed = add_fragments(&mut docs.doc, path, is_module, fragments)?;
    if let Value::Map(returns) = &mut docs.returns {
        each(returns, |value| return_versions(value, collection));
    }
    Ok(docs)
}

fn file_text(path: &Path) -> Result<String, DocError> {
    // As fs-err without its own words: the path is said anyway.
    let bytes = std::fs::read(path).map_err(|source| DocError::File { path: path.to_owned(), source })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn yaml(path: &Path, part: &'static str, text: &str) -> Result<Value, DocError> {
    use rplay_diag::Diagnose as _;
    let loaded = rplay_yaml::load_str(text, SourceId::UNKNOWN, Trust::Data);
    let failed = |message: String| DocError::Yaml { path: path.to_owned(), part, message };
    loaded.map(|(value, _)| value).map_err(|error| failed(error.diagnostic().message))
}

/// The parts as they are written; `None` when there is no `DOCUMENTATION`.
fn parts(path: &Path) -> Result<Option<Docs>, DocError> {
    const NAMES: [&str; 4] = ["DOCUMENTATION", "EXAMPLES", "RETURN", "ANSIBLE_METADATA"];
    let text = file_text(path)?;
    let mut found: [Value; 4] = Default::default();
    if path.extension().is_some_and(|e| e == "yml" || e == "yaml") {
        let all = yaml(path, NAMES[0], &text)?;
        for (name, value) in NAMES.iter().zip(&mut found) {
            *value = all.get(name).cloned().unwrap_or_default();
        }
    } else {
        for (name, constant) in literal::of_file(&text) {
            let Some(at) = NAMES.iter().position(|known| *known == name) else { continue };
            found[at] = match constant {
                Constant::Computed => return Err(DocError::Computed { path: path.to_owned(), part: NAMES[at] }),
                Constant::Known(Value::Text(text)) if NAMES[at] != "EXAMPLES" => yaml(path, NAMES[at], &text)?,
                Constant::Known(value) => value,
            };
        }
    }
    let [doc, examples, returns, metadata] = found;
    let Value::Map(doc) = doc else { return Ok(None) };
    Ok((!doc.is_empty()).then_some(Docs { doc, examples, returns, metadata, computed: Vec::new() }))
}

/// Says of every version and date of a documentation whose it is, where it does not say so itself.
fn versions(doc: &mut Map, collection: &str, is_module: bool) {
    own(doc, "version_added", "version_added_collection", collection);
    if let Some(Value::Map(gone)) = doc.get_mut("deprecated") {
        own(gone, "removed_in", "removed_from_collection", collection);
        own(gone, "removed_at_date", "removed_from_collection", collection);
    }
    if let Some(Value::Map(options)) = doc.get_mut("options") {
        option_versions(options, collection, is_module);
    }
    if let Some(Value::Map(attributes)) = doc.get_mut("attributes") {
        each(attributes, |attribute| {
            if let Value::Map(attribute) = attribute {
                own(attribute, "version_added", "version_added_collection", collection);
            }
        });
    }
}

fn own(map: &mut Map, version: &str, of: &str, collection: &str) {
    if map.contains(version) && !map.contains(of) {
        map.insert(of, collection);
    }
}

/// Changes every value.
fn each(map: &mut Map, mut change: impl FnMut(&mut Value)) {
    let entries = std::mem::take(map).into_iter().map(|(key, mut value)| {
        change(&mut value);
        (key, value)
    });
    map.extend(entries.collect::<Vec<_>>());
}

fn option_versions(options: &mut Map, collection: &str, is_module: bool) {
    each(options, |option| {
        let Value::Map(option) = option else { return };
        own(option, "version_added", "version_added_collection", collection);
        if !is_module {
            for set_by in ["env", "ini", "vars"] {
                let Some(Value::List(items)) = option.get_mut(set_by) else { continue };
                for item in items.make_mut() {
                    let Value::Map(item) = item else { continue };
                    own(item, "version_added", "version_added_collection", collection);
                    deprecation(item, collection);
                }
            }
            deprecation(option, collection);
        }
        if let Some(Value::Map(inner)) = option.get_mut("suboptions") {
            option_versions(inner, collection, is_module);
        }
    });
}

fn deprecation(of: &mut Map, collection: &str) {
    if let Some(Value::Map(gone)) = of.get_mut("deprecated") {
        own(gone, "removed_at_date", "collection_name", collection);
        own(gone, "version", "collection_name", collection);
    }
}

fn return_versions(value: &mut Value, collection: &str) {
    let Value::Map(value) = value else { return };
    own(value, "version_added", "version_added_collection", collection);
    if let Some(Value::Map(inner)) = value.get_mut("contains") {
        each(inner, |value| return_versions(value, collection));
    }
}

/// Lays fragments under a documentation; the names of those that are computed.
fn add_fragments(doc: &mut Map, path: &Path, is_module: bool, find: FindFragment<'_>) -> Result<Vec<String>, DocError> {
    let named = doc.remove("extends_documentation_fragment").unwrap_or_default();
    let names: Vec<String> = match &named {
        Value::Text(text) => text.split(',').map(|name| name.trim().to_owned()).collect(),
        Value::List(list) => list.iter().map(|name| name.to_str().trim().to_owned()).collect(),
        _ => Vec::new(),
    };
    let (mut unknown, mut computed) = (Vec::new(), Vec::new());
    for name in names {
        match fragment(&name, find) {
            Err(DocError::Computed { .. }) => computed.push(name),
            Err(error) => return Err(error),
            Ok(Some((mut fragment, collection))) => {
                versions(&mut fragment, &collection, is_module);
                merge(doc, fragment).map_err(|what| DocError::Merge { fragment: name, path: path.to_owned(), what })?;
            }
            Ok(None) => unknown.push(name),
        }
    }
    if unknown.is_empty() {
        return Ok(computed);
    }
    Err(DocError::Fragments { path: path.to_owned(), names: unknown.join(", ") })
}

/// A fragment by its name, which may end in the name of one of its parts (`files.common`), and its collection.
fn fragment(name: &str, find: FindFragment<'_>) -> Result<Option<(Map, String)>, DocError> {
    let part = |name: &str, constant: &str| -> Result<Option<(Map, String)>, DocError> {
        let Some((path, collection)) = find(name) else { return Ok(None) };
        let text = file_text(&path)?;
        let found = literal::of_class(&text, "ModuleDocFragment").unwrap_or_default();
        match found.into_iter().rev().find(|(known, _)| *known == constant) {
            Some((_, Constant::Known(value))) => {
                let value = yaml(&path, "DOCUMENTATION", &value.to_str())?;
                Ok(Some((value.as_map().cloned().unwrap_or_default(), collection)))
            }
            Some((_, Constant::Computed)) => Err(DocError::Computed { path, part: "DOCUMENTATION" }),
            None if text.contains(&format!("self.{constant}")) => {
                Err(DocError::Computed { path, part: "DOCUMENTATION" })
            }
            None => Ok((constant == "DOCUMENTATION").then(|| (Map::new(), collection))),
        }
    };
    if let Some(found) = part(name, "DOCUMENTATION")? {
        return Ok(Some(found));
    }
    match name.rsplit_once('.') {
        Some((name, last)) => part(name, &last.to_uppercase()),
        None => Ok(None),
    }
}

/// Lays a fragment under a documentation: what the plugin says itself counts.
fn merge(doc: &mut Map, mut fragment: Map) -> Result<(), String> {
    for name in ["notes", "seealso"] {
        let Some(Value::List(items)) = fragment.remove(name) else { continue };
        let mut all = doc.get(name).and_then(Value::as_list).cloned().unwrap_or_default();
        items.iter().for_each(|item| all.push(item.clone()));
        if !all.is_empty() {
            doc.insert(name, all);
        }
    }
    if !fragment.contains("options") && !fragment.contains("attributes") {
        return Err("it has neither options nor attributes".to_owned());
    }
    for name in ["options", "attributes"] {
        let Some(Value::Map(shared)) = fragment.remove(name) else { continue };
        match doc.get_mut(name) {
            Some(Value::Map(own)) => overlay(own, shared)?,
            _ => {
                doc.insert(name, shared);
            }
        }
    }
    overlay(doc, fragment)
}

fn overlay(target: &mut Map, source: Map) -> Result<(), String> {
    for (key, value) in source {
        let name = key.to_str().into_owned();
        let value = match (target.get(&name), value) {
            (None, value) => value,
            (Some(Value::Map(own)), Value::Map(mut shared)) => {
                shared.extend(own.clone());
                Value::Map(shared)
            }
            (Some(Value::List(own)), Value::List(shared)) => {
                let mut all: Vec<Value> = Vec::new();
                for item in shared.iter().chain(own.iter()) {
                    if !all.contains(item) {
                        all.push(item.clone());
                    }
                }
                all.sort_by_key(|item| item.to_str().into_owned());
                Value::from(all.into_iter().collect::<List>())
            }
            _ => return Err(format!("`{name}` is of another type")),
        };
        target.insert(name, value);
    }
    Ok(())
}

/// Whether a Python file has a `DOCUMENTATION`.
pub(super) fn has_any(path: &Path) -> bool {
    let Ok(bytes) = std::fs::read(path) else { return false };
    let text = String::from_utf8_lossy(&bytes);
    text.starts_with("DOCUMENTATION") || text.contains("\nDOCUMENTATION")
}

/// The short description of a plugin, without reading the rest; `None` when the file has no documentation.
pub(super) fn short(path: &Path) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines().skip_while(|line| !line.starts_with("DOCUMENTATION")).skip(1);
    let first = lines.find(|line| line.trim_start().starts_with("short_description:"))?;
    let indent = first.len() - first.trim_start().len();
    let deeper = |line: &&str| line.len() - line.trim_start().len() > indent && !line.trim().is_empty();
    let stub: Vec<&str> = std::iter::once(first).chain(lines.take_while(deeper)).collect();
    let stub = stub.join("\n");
    let (value, _) = rplay_yaml::load_str(stub.trim().trim_end_matches('.'), SourceId::UNKNOWN, Trust::Data).ok()?;
    Some(value.get("short_description")?.to_str().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use rplay_value::JsonStyle;
    use rplay_value::json::dumps;

    use super::*;

    fn shown(docs: &Docs) -> String {
        dumps(&docs.to_value(), &JsonStyle { sort_keys: true, ..JsonStyle::default() }).unwrap()
    }

    #[test]
    fn fragments_are_laid_under_a_documentation() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs_err::write(&path, text).unwrap();
            path
        };
        let module = write(
            "m.py",
            "DOCUMENTATION = '''\nmodule: m\nshort_description: Does it.\nversion_added: '1.0'\nnotes: [one]\n\
             options:\n  mode: {description: mine, version_added: 2.1.0}\nauthor: [b]\nextends_documentation_fragment:\n- shared\n- other.part\n'''\n\
             EXAMPLES = '''\n- m:\n'''\nRETURN = '''\nr: {description: x, contains: {s: {description: y, version_added: 1.2.3}}}\n'''\n",
        );
        let shared = write(
            "shared.py",
            "class ModuleDocFragment(object):\n    DOCUMENTATION = r'''\noptions:\n  mode: {description: theirs, type: raw}\n  owner: {description: o}\n'''\n    \
             PART = r'''\nattributes: {check_mode: {support: full}}\nnotes: [two]\nauthor: [a, b]\n'''\n",
        );
        let find = |name: &str| match name {
            "shared" => Some((shared.clone(), "ansible.builtin".to_owned())),
            "other" => Some((shared.clone(), "ns.other".to_owned())),
            _ => None,
        };
        let docs = read(&module, "ns.coll", true, &find).unwrap();
        insta::assert_snapshot!(shown(&docs), @r#"{"doc": {"attributes": {"check_mode": {"support": "full"}}, "author": ["a", "b"], "module": "m", "notes": ["one", "two"], "options": {"mode": {"description": "mine", "type": "raw", "version_added": "2.1.0", "version_added_collection": "ns.coll"}, "owner": {"description": "o"}}, "short_description": "Does it.", "version_added": "1.0", "version_added_collection": "ns.coll"}, "examples": "\n- m:\n", "metadata": null, "return": {"r": {"contains": {"s": {"description": "y", "version_added": "1.2.3", "version_added_collection": "ns.coll"}}, "description": "x"}}}"#);
        let nowhere = read(&module, "ns.coll", true, &|_| None).unwrap_err().to_string();
        assert!(nowhere.ends_with(": shared, other.part"), "{nowhere}");
        assert_eq!(short(&module).as_deref(), Some("Does it"));
    }

    #[test]
    fn yaml_beside_a_filter_and_files_without_any() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f.yml");
        fs_err::write(&path, "DOCUMENTATION:\n  name: f\n  short_description:\n    does\n    it\nEXAMPLES: |\n  x\n")
            .unwrap();
        let docs = read(&path, "ns.coll", false, &|_| None).unwrap();
        insta::assert_snapshot!(shown(&docs), @r#"{"doc": {"name": "f", "short_description": "does it"}, "examples": "x\n", "metadata": null, "return": null}"#);
        assert_eq!(short(&path).as_deref(), Some("does it"));
        let none = dir.path().join("none.py");
        fs_err::write(&none, "X = 1\nDOCUMENTATION = open('x').read()\n").unwrap();
        assert!(matches!(read(&none, "", false, &|_| None), Err(DocError::Computed { .. })));
        assert!(matches!(read(&dir.path().join("x.py"), "", false, &|_| None), Err(DocError::File { .. })));
    }
}
