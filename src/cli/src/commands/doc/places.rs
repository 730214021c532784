//! Where plugins in Python are, and what they are called: folders beside a playbook and in roles, configured folders,
//! collections, an installed ansible-core.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rplay_collection::{Collections, core, sites};

use super::kind::Kind;
use super::literal;

/// Endings of files that are no plugins.
const OTHER: [&str; 12] = ["pyc", "pyo", "swp", "bak", "rpm", "md", "txt", "rst", "yml", "yaml", "json", "orig"];
/// Names of files that are no plugins.
const FILES: [&str; 8] =
    ["COPYING", "CONTRIBUTING", "LICENSE", "README", "VERSION", "GUIDELINES", "MANIFEST", "Makefile"];

/// A plugin's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    /// Its full name.
    pub(super) name: String,
    /// Its collection.
    pub(super) collection: String,
    /// The file that is run.
    pub(super) path: PathBuf,
}

impl File {
    /// The file that documents it: itself, or YAML beside it under the plugin's name.
    pub(super) fn documentation(&self) -> PathBuf {
        let last = self.name.rsplit('.').next().unwrap_or(&self.name);
        let python = self.path.extension().is_some_and(|e| e == "py" || e == "yml" || e == "yaml");
        let own = self.path.file_stem().is_some_and(|stem| stem == last)
            || self.path.file_stem().is_some_and(|s| s == format!("_{last}").as_str());
        if python && own && (!self.is_python() || super::docstring::has_any(&self.path)) {
            return self.path.clone();
        }
        let beside = |extension: &str| self.path.with_file_name(format!("{last}.{extension}"));
        ["py", "yml", "yaml"]
            .into_iter()
            .map(beside)
            .find(|path| *path != self.path && path.is_file())
            .unwrap_or_else(|| self.path.clone())
    }

    fn is_python(&self) -> bool {
        self.path.extension().is_some_and(|e| e == "py")
    }
}

/// The folders of one command.
pub(super) struct Places {
    pub(super) collections: Collections,
    /// The folder of an installed ansible-core.
    core: Option<PathBuf>,
    /// The playbook's folder.
    playbook: PathBuf,
    /// `--module-path`
    modules: Vec<PathBuf>,
    /// The folders of a setting.
    configured: Configured,
}

/// Folders by the name of the setting that names them.
type Configured = Box<dyn Fn(&str) -> Vec<PathBuf>>;

impl Places {
    pub(super) fn new(
        collections: Collections,
        playbook: PathBuf,
        modules: Vec<PathBuf>,
        configured: impl Fn(&str) -> Vec<PathBuf> + 'static,
    ) -> Self {
        collections.add_playbook(&playbook);
        let core = core(&sites(&|name| std::env::var_os(name)));
        Self { collections, core, playbook, modules, configured: Box::new(configured) }
    }

    /// Folders of `ansible.legacy`: what a short name means first.
    fn legacy(&self, kind: Kind) -> Vec<PathBuf> {
        let beside = kind.beside();
        let mut folders = if kind == Kind::Module { self.modules.clone() } else { Vec::new() };
        folders.push(self.playbook.join(&beside));
        folders.extend(entries(&self.playbook.join("roles")).into_iter().map(|role| role.join(&beside)));
        if !kind.setting().is_empty() {
            folders.extend((self.configured)(kind.setting()));
        }
        folders.retain(|folder| folder.is_dir());
        folders
    }

    /// The folder of ansible-core's own plugins of a kind.
    fn core_folder(&self, kind: Kind) -> Option<PathBuf> {
        let core = self.core.as_deref()?;
        Some(if kind == Kind::Module { core.join("modules") } else { core.join("plugins").join(kind.folder()) })
    }

    /// Where a name leads: a short one, or one with its collection. `Err` says why what it names was removed.
    pub(super) fn find(&self, kind: Kind, name: &str) -> Result<Option<File>, String> {
        let legacy = name.strip_prefix("ansible.legacy.").or_else(|| (!name.contains('.')).then_some(name));
        if let Some(short) = legacy
            && let Some(path) = self.legacy(kind).iter().find_map(|folder| in_folder(kind, folder, short))
        {
            return Ok(Some(File {
                name: format!("ansible.legacy.{short}"),
                collection: "ansible.legacy".to_owned(),
                path,
            }));
        }
        let full =
            if legacy.is_some() { format!("ansible.builtin.{}", legacy.unwrap_or(name)) } else { name.to_owned() };
        let (full, folder) = if let Some(routed) = kind.routed() {
            let found = self.collections.find(routed, &full);
            if let Some(removed) = found.removed {
                return Err(removed);
            }
            (found.name, found.folder)
        } else {
            let folder = collection_of(&full).and_then(|name| self.collections.folder(name));
            (full, folder)
        };
        let Some(collection) = collection_of(&full).map(str::to_owned) else { return Ok(None) };
        let rest = full[collection.len() + 1..].to_owned();
        let path = if collection == "ansible.builtin" {
            self.core_folder(kind).and_then(|folder| in_folder(kind, &folder, &rest))
        } else {
            let folder = folder.map(|folder| folder.join("plugins").join(kind.folder()));
            folder.and_then(|folder| in_folder(kind, &folder, &rest.replace('.', "/")))
        };
        Ok(path.map(|path| File { name: full, collection, path }))
    }

    /// A documentation fragment's file and its collection. Names without a collection are ansible-core's or are beside
    /// the playbook.
    pub(super) fn fragment(&self, name: &str) -> Option<(PathBuf, String)> {
        if let Some(collection) = collection_of(name) {
            let rest = &name[collection.len() + 1..];
            let folder = if collection == "ansible.builtin" {
                self.core.as_deref()?.join("plugins")
            } else {
                self.collections.folder(collection)?.join("plugins")
            };
            let path = folder.join("doc_fragments").join(format!("{}.py", rest.replace('.', "/")));
            return path.is_file().then(|| (path, collection.to_owned()));
        }
        if name.contains(['.', '/']) {
            return None;
        }
        let own =
            std::iter::once(self.playbook.join("doc_fragments")).chain((self.configured)("DOC_FRAGMENT_PLUGIN_PATH"));
        let core = self.core.iter().map(|core| core.join("plugins/doc_fragments"));
        let path = own.chain(core).map(|folder| folder.join(format!("{name}.py"))).find(|path| path.is_file())?;
        Some((path, "ansible.builtin".to_owned()))
    }

    /// Whether an action in Python stands before a module that was asked for by a name. As ansible-doc has it, names that
    /// are redirected have none.
    pub(super) fn has_action(&self, file: &File, asked: &str) -> bool {
        let name = file.name.rsplit('.').next().unwrap_or(&file.name);
        let in_folder = |folder: PathBuf| folder.join(format!("{name}.py")).is_file();
        match file.collection.as_str() {
            "ansible.builtin" => self.core.as_deref().is_some_and(|core| in_folder(core.join("plugins/action"))),
            "ansible.legacy" => in_folder(self.playbook.join("action_plugins")),
            _ => self.collections.find(rplay_collection::Kind::Action, asked).file.is_some(),
        }
    }

    /// All plugins of a kind by their full names; of some collections only, when any are named (a namespace stands for
    /// all of its collections).
    pub(super) fn all(&self, kind: Kind, only: &[String]) -> BTreeMap<String, File> {
        let mut found = BTreeMap::new();
        let wanted = |collection: &str| {
            let namespace = collection.split('.').next();
            only.is_empty() || only.iter().any(|one| one == collection || Some(one.as_str()) == namespace)
        };
        if (wanted("ansible.builtin") || wanted("ansible.legacy"))
            && let Some(folder) = self.core_folder(kind)
        {
            list(kind, &folder, "ansible.builtin", "", &mut found);
        }
        if wanted("ansible.legacy") {
            // The first folder that has a name counts.
            for folder in self.legacy(kind).into_iter().rev() {
                list(kind, &folder, "ansible.legacy", "", &mut found);
            }
        }
        for (collection, folder) in self.installed() {
            if wanted(&collection) {
                list(kind, &folder.join("plugins").join(kind.folder()), &collection, "", &mut found);
            }
        }
        found
    }

    /// Every installed collection with its folder.
    pub(super) fn installed(&self) -> BTreeMap<String, PathBuf> {
        let mut found = BTreeMap::new();
        for root in self.collections.roots() {
            for namespace in entries(&root.join("ansible_collections")) {
                for folder in entries(&namespace) {
                    let (Some(first), Some(second)) = (file_name(&namespace), file_name(&folder)) else { continue };
                    if first.starts_with('_') || first.contains('.') || second.contains('.') {
                        continue;
                    }
                    found.entry(format!("{first}.{second}")).or_insert(folder);
                }
            }
        }
        found
    }

    /// Roles with a file in `meta/`: name, collection if any, folder. Of some names only, when any are given; these may
    /// be full names.
    pub(super) fn roles(
        &self,
        paths: &[PathBuf],
        names: Option<&[String]>,
        collections: &[String],
    ) -> Vec<(String, Option<String>, PathBuf)> {
        let mut found: Vec<(String, Option<String>, PathBuf)> = Vec::new();
        let documented = |role: &Path| ROLE_FILES.iter().any(|file| role.join("meta").join(file).is_file());
        if collections.is_empty() {
            let folders = std::iter::once(self.playbook.join("roles"))
                .chain(paths.iter().cloned())
                .chain(std::iter::once(self.playbook.clone()));
            for role in folders.flat_map(|folder| entries(&folder)) {
                let Some(name) = file_name(&role) else { continue };
                let wanted = names.is_none_or(|names| names.contains(&name));
                if wanted && documented(&role) && !found.iter().any(|(known, ..)| *known == name) {
                    found.push((name, None, role));
                }
            }
        }
        for (collection, folder) in self.installed() {
            if !collections.is_empty() && !collections.contains(&collection) {
                continue;
            }
            for role in entries(&folder.join("roles")) {
                let Some(name) = file_name(&role) else { continue };
                let full = format!("{collection}.{name}");
                let wanted = names.is_none_or(|names| names.iter().any(|wanted| *wanted == name || *wanted == full));
                if wanted && documented(&role) {
                    found.push((name, Some(collection.clone()), role));
                }
            }
        }
        found.sort();
        found
    }
}

/// Where a role tells what it takes, the first that is there.
pub(super) const ROLE_FILES: [&str; 4] = ["argument_specs.yml", "argument_specs.yaml", "main.yml", "main.yaml"];

/// `ns.name` of a full name.
pub(super) fn collection_of(name: &str) -> Option<&str> {
    let second = name.match_indices('.').nth(1)?.0;
    Some(&name[..second])
}

fn file_name(path: &Path) -> Option<String> {
    path.file_name()?.to_str().map(str::to_owned)
}

/// What is in a folder, sorted by name.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

/// The file of a plugin in a folder; deprecated ones may begin with an underscore.
fn in_folder(kind: Kind, folder: &Path, name: &str) -> Option<PathBuf> {
    let (inner, last) = name.rsplit_once('/').map_or((None, name), |(inner, last)| (Some(inner), last));
    let folder = inner.map_or_else(|| folder.to_owned(), |inner| folder.join(inner));
    let usual = [format!("{last}.py"), format!("_{last}.py")];
    if let Some(path) = usual.into_iter().map(|name| folder.join(name)).find(|path| path.is_file()) {
        return Some(path);
    }
    let files: Vec<PathBuf> = entries(&folder).into_iter().filter(|path| path.is_file()).collect();
    if kind.shares_files() {
        let sharing =
            files.iter().find(|path| is_plugin(path) && contained(kind, path).iter().any(|name| name == last));
        if let Some(path) = sharing {
            return Some(path.clone());
        }
        return ["yml", "yaml"].into_iter().map(|e| folder.join(format!("{last}.{e}"))).find(|path| path.is_file());
    }
    files.into_iter().find(|path| is_plugin(path) && path.file_stem().is_some_and(|stem| stem == last))
}

fn is_plugin(path: &Path) -> bool {
    let name = file_name(path).unwrap_or_default();
    let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
    !(name.starts_with('.')
        || name.starts_with("__")
        || name.ends_with('~')
        || OTHER.contains(&extension)
        || FILES.contains(&stem))
        && path.is_file()
        && !path.is_symlink()
}

/// The filters or tests that a file provides: what its `filters()` or `tests()` names, and what is documented beside it.
fn contained(kind: Kind, path: &Path) -> Vec<String> {
    let Ok(bytes) = std::fs::read(path) else { return Vec::new() };
    let text = String::from_utf8_lossy(&bytes);
    let given = literal::function(&text, if kind == Kind::Filter { "filters" } else { "tests" }).unwrap_or_default();
    // The mapping may stand in the class, in front of the function that returns it.
    let names = rplay_python::provided_names(given);
    let class = if kind == Kind::Filter { "class FilterModule" } else { "class TestModule" };
    match text.find(class) {
        Some(at) if names.is_empty() && !given.is_empty() => rplay_python::provided_names(&text[at..]),
        _ => names,
    }
}

fn list(kind: Kind, folder: &Path, collection: &str, inner: &str, found: &mut BTreeMap<String, File>) {
    for path in entries(folder) {
        let Some(name) = file_name(&path) else { continue };
        if name.starts_with('.') || name.starts_with("__") {
            continue;
        }
        if path.is_dir() {
            let package =
                !matches!(collection, "ansible.builtin" | "ansible.legacy") || path.join("__init__.py").is_file();
            if package {
                list(kind, &path, collection, &format!("{inner}{name}."), found);
            }
            continue;
        }
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let internal = matches!((kind, stem), (Kind::Module, "async_wrapper") | (Kind::Cache, "base"));
        if !is_plugin(&path) || internal {
            continue;
        }
        let names = if kind.shares_files() { contained(kind, &path) } else { vec![stem.to_owned()] };
        for name in names {
            let core = matches!(collection, "ansible.builtin" | "ansible.legacy");
            let name = if core { name.strip_prefix('_').unwrap_or(&name) } else { &name };
            let name = format!("{collection}.{inner}{name}");
            found.insert(name.clone(), File { name, collection: collection.to_owned(), path: path.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        dir
    }

    #[test]
    fn names_lead_to_files_of_playbooks_roles_and_collections() {
        let coll = "collections/ansible_collections/ns/coll";
        let dir = tree(&[
            ("library/mine.py", ""),
            ("roles/one/library/other.sh", "#!/bin/sh\n"),
            ("roles/one/meta/argument_specs.yml", "argument_specs: {}\n"),
            (
                "filter_plugins/many.py",
                "class FilterModule:\n    def filters(self):\n        return {'a': f, 'b': g}\n",
            ),
            ("filter_plugins/b.yml", "DOCUMENTATION: {name: b}\n"),
            (&format!("{coll}/plugins/modules/sub/deep.py"), ""),
            (&format!("{coll}/plugins/modules/__init__.py"), ""),
            (&format!("{coll}/plugins/modules/README.md"), ""),
            (&format!("{coll}/plugins/lookup/look.py"), "DOCUMENTATION = 'x: y'\n"),
            (&format!("{coll}/plugins/doc_fragments/frag.py"), ""),
            (&format!("{coll}/roles/two/meta/main.yml"), "{}\n"),
            (
                &format!("{coll}/meta/runtime.yml"),
                "plugin_routing: {modules: {old: {redirect: ns.coll.sub.deep}, gone: {tombstone: {removal_version: 2.0.0, warning_text: Use x.}}}}\n",
            ),
        ]);
        let places = Places {
            collections: Collections::new([], rplay_diag::Sources::new()),
            core: None,
            playbook: dir.path().to_owned(),
            modules: Vec::new(),
            configured: Box::new(|_| Vec::new()),
        };
        places.collections.add_playbook(dir.path());
        let at = |kind, name: &str| {
            let file = places.find(kind, name).unwrap()?;
            let inside = |path: &Path| path.strip_prefix(dir.path()).unwrap().display().to_string().replace(coll, "C");
            Some(format!("{} {} {}", file.name, inside(&file.path), inside(&file.documentation())))
        };
        assert_eq!(at(Kind::Module, "mine").unwrap(), "ansible.legacy.mine library/mine.py library/mine.py");
        assert!(at(Kind::Module, "other").unwrap().contains("roles/one/library/other.sh"));
        assert_eq!(
            at(Kind::Module, "ns.coll.old").unwrap(),
            "ns.coll.sub.deep C/plugins/modules/sub/deep.py C/plugins/modules/sub/deep.py"
        );
        assert_eq!(places.find(Kind::Module, "ns.coll.gone"), Err("The 'ns.coll.gone' module has been removed. Use x. This feature was removed from collection 'ns.coll' version 2.0.0.".to_owned()));
        assert_eq!(at(Kind::Filter, "b").unwrap(), "ansible.legacy.b filter_plugins/many.py filter_plugins/b.yml");
        assert_eq!(at(Kind::Filter, "a").unwrap(), "ansible.legacy.a filter_plugins/many.py filter_plugins/many.py");
        assert_eq!(at(Kind::Module, "nothing"), None);
        let names = |kind, only: &[&str]| {
            let only: Vec<String> = only.iter().map(|one| (*one).to_owned()).collect();
            places.all(kind, &only).into_keys().collect::<Vec<_>>()
        };
        assert_eq!(names(Kind::Module, &[]), ["ansible.legacy.mine", "ansible.legacy.other", "ns.coll.sub.deep"]);
        assert_eq!(names(Kind::Module, &["ns"]), ["ns.coll.sub.deep"]);
        assert_eq!(names(Kind::Filter, &[]), ["ansible.legacy.a", "ansible.legacy.b"]);
        assert_eq!(names(Kind::Lookup, &["ns.coll"]), ["ns.coll.look"]);
        assert!(places.fragment("ns.coll.frag").is_some() && places.fragment("ns.coll.frag.part").is_none());
        let roles: Vec<String> = places.roles(&[], None, &[]).into_iter().map(|(name, ..)| name).collect();
        assert_eq!(roles, ["one", "two"]);
        assert_eq!(places.roles(&[], Some(&["ns.coll.two".to_owned()]), &[]).len(), 1);
    }
}
