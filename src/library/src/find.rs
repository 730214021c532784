//! Where modules are.

use std::path::{Path, PathBuf};

/// Where a module was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `library/` of a playbook or role, or a configured folder: it hides a native module of that name.
    Library,
    /// A collection, `namespace.name`.
    Collection(String),
    /// An installed ansible-core.
    Core,
}

/// A module's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its short name.
    pub name: String,
    /// Its file.
    pub file: PathBuf,
    /// Where that is.
    pub place: Place,
}

impl Found {
    /// Its name among Python's modules, as ansible-core 2.19 gives it.
    pub(crate) fn path(&self) -> String {
        match &self.place {
            Place::Core => format!("ansible.modules.{}", self.name),
            Place::Collection(collection) => {
                let inner = self.file.with_extension("");
                let parts: Vec<_> = inner.iter().map(|part| part.to_string_lossy()).collect();
                let start = parts.iter().rposition(|part| part == "modules").map_or(parts.len(), |at| at + 1);
                let inner = if start < parts.len() { parts[start..].join(".") } else { self.name.clone() };
                format!("ansible_collections.{collection}.plugins.modules.{inner}")
            }
            Place::Library => format!("ansible.legacy.{}", self.name),
        }
    }
}

/// Files that are beside modules and are none.
const IGNORED: &[&str] =
    &["pyc", "pyo", "swp", "bak", "rpm", "md", "txt", "rst", "yaml", "yml", "ini", "ps1", "orig", "rej"];

/// The module of this name in a folder: `name`, `name.py`, or with any other ending; the name may hold its ending, too.
pub(crate) fn in_folder(folder: &Path, name: &str) -> Option<PathBuf> {
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return None;
    }
    // What nearly all of them are, without reading the folder.
    let usual = [folder.join(format!("{name}.py")), folder.join(name)];
    if let Some(found) = usual.into_iter().find(|path| path.is_file()) {
        return Some(found);
    }
    let mut found: Vec<PathBuf> = fs_err::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_stem().is_some_and(|stem| stem == name) && path.is_file())
        .filter(|path| !path.extension().is_some_and(|e| IGNORED.iter().any(|ignored| e == *ignored)))
        .filter(|path| !path.to_string_lossy().ends_with('~'))
        .collect();
    found.sort();
    found.into_iter().next()
}

/// As [`in_folder`], and in its folders, two levels down: how configured folders of modules are organised.
pub(crate) fn in_tree(folder: &Path, name: &str, depth: usize) -> Option<PathBuf> {
    if let Some(found) = in_folder(folder, name) {
        return Some(found);
    }
    if depth == 0 {
        return None;
    }
    let mut folders: Vec<PathBuf> = fs_err::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir() && path.file_name().is_some_and(|name| name != "__pycache__"))
        .collect();
    folders.sort();
    folders.iter().find_map(|folder| in_tree(folder, name, depth - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_may_have_any_ending() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("net/sub");
        fs_err::create_dir_all(&deep).unwrap();
        for name in ["a.py", "b.sh", "c", "d.md", "net/e.py", "net/sub/f.pl", "b.py.bak"] {
            fs_err::write(dir.path().join(name), "").unwrap();
        }
        let found = |name: &str| {
            let path = in_tree(dir.path(), name, 2)?;
            Some(path.strip_prefix(dir.path()).unwrap().to_string_lossy().into_owned())
        };
        for (name, file) in
            [("a", "a.py"), ("b", "b.sh"), ("b.sh", "b.sh"), ("c", "c"), ("e", "net/e.py"), ("f", "net/sub/f.pl")]
        {
            assert_eq!(found(name).as_deref(), Some(file));
        }
        assert_eq!(found("d"), None);
        assert_eq!(found("../a"), None);
    }

    #[test]
    fn names_among_pythons_modules() {
        let found = |place, file: &str| Found { name: "m".into(), file: file.into(), place }.path();
        assert_eq!(found(Place::Library, "/x/library/m.py"), "ansible.legacy.m");
        assert_eq!(found(Place::Core, "/x/ansible/modules/m.py"), "ansible.modules.m");
        assert_eq!(
            found(Place::Collection("a.b".into()), "/x/ansible_collections/a/b/plugins/modules/deep/m.py"),
            "ansible_collections.a.b.plugins.modules.deep.m"
        );
    }
}
