//! The Python files that modules import.

use std::path::{Path, PathBuf};

use rplay_collection::{Collections, Kind};

include!(concat!(env!("OUT_DIR"), "/standins.rs"));

/// Where imports are looked for.
pub(crate) struct Sources<'a> {
    /// Folders of `module_utils`, strongest first.
    pub(crate) utils: Vec<PathBuf>,
    /// The package `ansible` of an installed ansible-core.
    pub(crate) core: Option<&'a Path>,
    /// The collections that are installed.
    pub(crate) collections: &'a Collections,
    /// What `ansible.__version__` says.
    pub(crate) version: &'a str,
}

/// A Python module's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Located {
    /// Its name.
    pub(crate) parts: Vec<String>,
    /// It is the `__init__.py` of a folder.
    pub(crate) package: bool,
    /// Its text.
    pub(crate) text: Vec<u8>,
}

impl Located {
    /// Its file in an archive.
    pub(crate) fn file(&self) -> String {
        let path = self.parts.join("/");
        if self.package { format!("{path}/__init__.py") } else { format!("{path}.py") }
    }
}

impl Sources<'_> {
    /// Whether these parts name something that travels with a module.
    pub(crate) fn travels(parts: &[String]) -> bool {
        match parts {
            [first, second, _, ..] if first == "ansible" => second == "module_utils",
            [first, _, _, plugins, utils, ..] if first == "ansible_collections" => {
                plugins == "plugins" && utils == "module_utils"
            }
            _ => false,
        }
    }

    /// The names to try for an import: the last part may be something in a module.
    pub(crate) fn candidates(parts: &[String]) -> Vec<Vec<String>> {
        let below = if parts.first().is_some_and(|part| part == "ansible") { 2 } else { 5 };
        if below == 2 && parts.get(2).is_some_and(|part| part == "six") {
            // Makes its parts when it is imported.
            return vec![parts[..3].to_vec()];
        }
        let mut all = vec![parts.to_vec()];
        if parts.len() > below + 1 {
            all.push(parts[..parts.len() - 1].to_vec());
        }
        all
    }

    /// The text of a Python module by its whole name.
    pub(crate) fn locate(&self, parts: &[String]) -> Option<Located> {
        let located = |package, text: &[u8]| Located { parts: parts.to_vec(), package, text: text.to_vec() };
        let names: Vec<&str> = parts.iter().map(String::as_str).collect();
        match names.as_slice() {
            ["ansible"] => {
                let text = format!(
                    "from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\n__version__ = \"{}\"\n__author__ = \"Ansible, Inc.\"\n",
                    self.version
                );
                Some(located(true, text.as_bytes()))
            }
            ["ansible", "module_utils"] => {
                Some(located(true, b"from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\n"))
            }
            ["ansible", "module_utils", rest @ ..] => {
                let core = self.core.map(|core| core.join("module_utils"));
                let in_folders = self.utils.iter().chain(&core).find_map(|folder| below(folder, rest));
                in_folders.map(|(package, text)| located(package, &text)).or_else(|| {
                    // Also for what ansible-core 2.19 has no more (`pycompat24`).
                    standin(parts).map(|(package, text)| located(package, text.as_bytes())).or_else(|| {
                        let to = self.moved(rest)?;
                        Some(located(false, redirect(parts, &to).as_bytes()))
                    })
                })
            }
            // No code of these packages travels.
            ["ansible_collections"] | ["ansible_collections", _] | ["ansible_collections", _, _] => {
                Some(located(true, b""))
            }
            ["ansible_collections", _, _, "plugins"] | ["ansible_collections", _, _, "plugins", "module_utils"] => {
                Some(located(true, b""))
            }
            ["ansible_collections", namespace, name, "plugins", "module_utils", rest @ ..] => {
                let full = format!("{namespace}.{name}.{}", rest.join("."));
                let there = self.collections.find(Kind::ModuleUtils, &full);
                if there.name != full {
                    return Some(located(true, redirect(parts, &there.name).as_bytes()));
                }
                let folder = there.folder?.join("plugins/module_utils");
                let plain = || rest.iter().fold(folder.clone(), |path, part| path.join(part)).is_dir();
                // In collections a folder is a package, with or without a file that says so.
                let found = below(&folder, rest).or_else(|| plain().then(|| (true, Vec::new())));
                found.map(|(package, text)| located(package, &text))
            }
            _ => None,
        }
    }
}

impl Sources<'_> {
    /// Where a part of `ansible.module_utils` is that ansible-core sent to a collection, when that is installed.
    fn moved(&self, rest: &[&str]) -> Option<String> {
        let full = format!("ansible.builtin.{}", rest.join("."));
        let there = self.collections.find(Kind::ModuleUtils, &full);
        (there.name != full && there.folder.is_some()).then_some(there.name)
    }
}

/// A module that is another one by now.
fn redirect(parts: &[String], full: &str) -> String {
    let mut to = full.split('.');
    let (namespace, name) = (to.next().unwrap_or_default(), to.next().unwrap_or_default());
    let rest = to.collect::<Vec<_>>().join(".");
    let target = match (namespace, name) {
        ("ansible", "builtin") => format!("ansible.module_utils.{rest}"),
        _ => format!("ansible_collections.{namespace}.{name}.plugins.module_utils.{rest}"),
    };
    format!("import sys\nimport {target} as mod\nsys.modules['{}'] = mod\n", parts.join("."))
}

/// A package or a module in a folder.
fn below(folder: &Path, rest: &[&str]) -> Option<(bool, Vec<u8>)> {
    if rest.iter().any(|part| part.is_empty() || *part == "*" || part.contains('/')) {
        return None;
    }
    let path = rest.iter().fold(folder.to_owned(), |path, part| path.join(part));
    if let Ok(text) = std::fs::read(path.join("__init__.py")) {
        return Some((true, text));
    }
    let text = std::fs::read(path.with_file_name(format!("{}.py", rest.last()?))).ok()?;
    Some((false, text))
}

/// One of our own.
fn standin(parts: &[String]) -> Option<(bool, &'static str)> {
    let path = parts.join("/");
    let text = |name: &str| {
        let at = STANDINS.binary_search_by_key(&name, |(name, _)| *name).ok()?;
        Some(STANDINS[at].1)
    };
    if let Some(text) = text(&format!("{path}/__init__.py")) {
        return Some((true, text));
    }
    Some((false, text(&format!("{path}.py"))?))
}
