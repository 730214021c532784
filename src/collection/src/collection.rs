//! Collections by name, and names in them.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rplay_diag::Sources;

use crate::runtime::{Route, Runtime};
use crate::{Kind, builtin};

/// What ansible-core never takes for a module.
const NO_MODULES: [&str; 11] = ["pyo", "pyc", "swp", "bak", "rpm", "md", "txt", "rst", "yaml", "yml", "ini"];

const PLAYBOOKS: [&str; 3] = ["yml", "yaml", "json"];

/// More redirects than anybody writes.
const FAR: usize = 32;

/// The collections of a run. Cheap to clone; nothing is read before a name asks for it.
#[derive(Clone, Debug, Default)]
pub struct Collections(Arc<Inner>);

#[derive(Default)]
struct Inner {
    sources: Sources,
    /// Folders that hold `ansible_collections`, configured.
    configured: Vec<PathBuf>,
    /// The same beside playbooks: these come first.
    beside: Mutex<Vec<PathBuf>>,
    /// The same of Pythons' packages: these come last.
    sites: Option<Sites>,
    found_sites: OnceLock<Vec<PathBuf>>,
    known: Mutex<HashMap<String, Option<Arc<Installed>>>>,
}

type Sites = Box<dyn Fn() -> Vec<PathBuf> + Send + Sync>;

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collections").field("configured", &self.configured).finish_non_exhaustive()
    }
}

/// One that is installed.
struct Installed {
    folder: PathBuf,
    runtime: OnceLock<Runtime>,
}

/// Where a plugin's name leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Located {
    /// The full name at the end of the redirects.
    pub name: String,
    /// The names that were redirected, the first one asked for first.
    pub redirected: Vec<String>,
    /// Its file, when a collection that is installed has it.
    pub file: Option<PathBuf>,
    /// The folder of its collection, when that is installed.
    pub folder: Option<PathBuf>,
    /// Why it cannot be used: it was removed, or its redirects lead nowhere. As ansible-core 2.19 says it.
    pub removed: Option<String>,
    /// What to warn of when it is used. As ansible-core 2.19 says it.
    pub deprecated: Vec<String>,
    /// The action plugin that a module runs with, by its full name.
    pub action_plugin: Option<String>,
}

impl Located {
    /// The collection of the name at the end: `ns.name`.
    pub fn collection(&self) -> &str {
        split(&self.name).map_or("", |(collection, _)| collection)
    }
}

/// A role or playbook of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its name without collection and folders; a role found through a list of collections as it was asked for.
    pub name: String,
    /// `ns.name`
    pub collection: String,
    /// The role's folder, the playbook's file.
    pub path: PathBuf,
}

/// A full name as its collection and the rest: `ns.coll.sub.name` is `ns.coll` and `sub.name`.
pub(crate) fn split(full: &str) -> Option<(&str, &str)> {
    let first = full.find('.')?;
    let second = first + 1 + full[first + 1..].find('.')?;
    let (collection, rest) = (&full[..second], &full[second + 1..]);
    let words = full.split('.').all(|word| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_'));
    words.then_some((collection, rest))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Collections {
    /// Collections of the configured folders (`collections_path`; whether they are named `ansible_collections`
    /// themselves or hold one does not matter).
    pub fn new(configured: impl IntoIterator<Item = PathBuf>, sources: Sources) -> Self {
        let above = |path: PathBuf| match path.file_name() {
            Some(name) if name == "ansible_collections" => path.parent().map(Path::to_owned).unwrap_or_default(),
            _ => path,
        };
        Self(Arc::new(Inner { sources, configured: configured.into_iter().map(above).collect(), ..Inner::default() }))
    }

    /// Also those of installed Python packages ([`crate::sites`]), which are looked for when no other folder has one.
    /// To be called before anything is asked.
    #[must_use]
    pub fn with_sites(self, sites: impl Fn() -> Vec<PathBuf> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner {
            sources: self.0.sources.clone(),
            configured: self.0.configured.clone(),
            beside: Mutex::new(lock(&self.0.beside).clone()),
            sites: Some(Box::new(sites)),
            ..Inner::default()
        }))
    }

    /// A playbook's folder: its `collections` is searched from now on, before those that are configured.
    pub fn add_playbook(&self, folder: &Path) {
        let folder = folder.join("collections");
        let mut beside = lock(&self.0.beside);
        if !beside.contains(&folder) && folder.join("ansible_collections").is_dir() {
            beside.push(folder);
            lock(&self.0.known).clear();
        }
    }

    /// Folders that hold `ansible_collections`, in the order in which they are searched.
    pub fn roots(&self) -> Vec<PathBuf> {
        let mut roots = lock(&self.0.beside).clone();
        for root in self.0.configured.iter().chain(self.sites()) {
            if !roots.contains(root) {
                roots.push(root.clone());
            }
        }
        roots.retain(|root| root.join("ansible_collections").is_dir());
        roots
    }

    fn sites(&self) -> &[PathBuf] {
        self.0.found_sites.get_or_init(|| self.0.sites.as_ref().map(|find| find()).unwrap_or_default())
    }

    /// The folder of a collection (`ns.name`), if it is installed.
    pub fn folder(&self, collection: &str) -> Option<PathBuf> {
        Some(self.installed(collection)?.folder.clone())
    }

    fn installed(&self, collection: &str) -> Option<Arc<Installed>> {
        if let Some(known) = lock(&self.0.known).get(collection) {
            return known.clone();
        }
        let found = self.look(collection).map(|folder| Arc::new(Installed { folder, runtime: OnceLock::new() }));
        lock(&self.0.known).insert(collection.to_owned(), found.clone());
        found
    }

    fn look(&self, collection: &str) -> Option<PathBuf> {
        let (namespace, name) = collection.split_once('.')?;
        let at = |root: &PathBuf| {
            let folder = root.join("ansible_collections").join(namespace).join(name);
            folder.is_dir().then_some(folder)
        };
        let beside = lock(&self.0.beside).iter().find_map(at);
        beside.or_else(|| self.0.configured.iter().find_map(at)).or_else(|| self.sites().iter().find_map(at))
    }

    fn runtime<'i>(&self, installed: &'i Installed) -> &'i Runtime {
        installed.runtime.get_or_init(|| Runtime::read(&installed.folder, &self.0.sources))
    }

    /// The `requires_ansible` of a collection: `>=2.15.0`.
    pub fn requires(&self, collection: &str) -> Option<String> {
        let installed = self.installed(collection)?;
        self.runtime(&installed).requires.clone()
    }

    /// What a collection says of its `action_groups`.
    pub(crate) fn groups(&self, collection: &str) -> Option<rplay_value::Map> {
        let installed = self.installed(collection)?;
        Some(self.runtime(&installed).groups.clone())
    }

    /// Where a full name leads. A short name leads where `ansible.builtin.name` does.
    pub fn find(&self, kind: Kind, name: &str) -> Located {
        let mut at = Located { name: name.to_owned(), ..Located::default() };
        if !at.name.contains('.') {
            at.name = format!("ansible.builtin.{name}");
        }
        loop {
            let Some((collection, rest)) = split(&at.name).map(|(a, b)| (a.to_owned(), b.to_owned())) else {
                return at;
            };
            let installed = self.installed(&collection).filter(|_| collection != "ansible.builtin");
            let route = match (&installed, collection.as_str()) {
                (_, "ansible.builtin" | "ansible.legacy") => builtin::route(kind, &rest),
                (Some(installed), _) => self.runtime(installed).route(kind, &rest).cloned(),
                (None, _) => None,
            };
            if let Some(route) = route {
                if follow(kind, &mut at, &collection, &route) {
                    continue;
                }
                if at.removed.is_some() {
                    return at;
                }
                at.action_plugin = route.action_plugin;
            }
            if let Some(installed) = installed {
                at.file = file(&installed.folder, kind, &rest);
                at.folder = Some(installed.folder.clone());
            }
            return at;
        }
    }

    /// Where a short name leads through a list of collections, the first that knows it: one whose file is there, whose
    /// redirects or tombstones say something of it, or that is `native`.
    pub fn search<'c>(
        &self,
        kind: Kind,
        name: &str,
        collections: impl IntoIterator<Item = &'c str>,
        native: &dyn Fn(&str) -> bool,
    ) -> Option<Located> {
        collections.into_iter().find_map(|collection| {
            let found = self.find(kind, &format!("{collection}.{name}"));
            let known = found.file.is_some() || found.removed.is_some() || native(&found.name);
            known.then_some(found)
        })
    }

    /// A role by its full name (`ns.coll.role`, `ns.coll.sub.role`), or by a short one through a list of collections.
    pub fn role<'c>(&self, name: &str, collections: impl IntoIterator<Item = &'c str>) -> Option<Place> {
        let at = |collection: &str, role: &str| -> Option<Place> {
            let path = self.installed(collection)?.folder.join("roles").join(role);
            let place = || Place { name: role.to_owned(), collection: collection.to_owned(), path: path.clone() };
            path.is_dir().then(place)
        };
        if let Some((collection, role)) = split(name) {
            let found = at(collection, &role.replace('.', "/"))?;
            return Some(Place { name: role.rsplit('.').next().unwrap_or(role).to_owned(), ..found });
        }
        // A path is no name of a role in a collection.
        let plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        collections.into_iter().filter(|_| plain).find_map(|collection| at(collection, name))
    }

    /// A playbook by its full name: `ns.coll.site`, `ns.coll.sub.site`, with or without extension.
    pub fn playbook(&self, name: &str) -> Option<Place> {
        let (stem, given) = match PLAYBOOKS.iter().find(|e| name.ends_with(&format!(".{e}"))) {
            Some(extension) => (&name[..name.len() - extension.len() - 1], Some(*extension)),
            None => (name, None),
        };
        let (collection, rest) = split(stem)?;
        let base = self.installed(collection)?.folder.join("playbooks").join(rest.replace('.', "/"));
        let extensions = given.map_or(PLAYBOOKS.to_vec(), |extension| vec![extension]);
        let path = extensions.into_iter().map(|e| base.with_extension(e)).find(|path| path.is_file())?;
        Some(Place { name: rest.to_owned(), collection: collection.to_owned(), path })
    }

    /// The collection that a path belongs to: the one of its name that is found first, if the path is below it.
    pub fn of_path(&self, path: &Path) -> Option<String> {
        let path = clean(&std::path::absolute(path).ok()?);
        let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
        let mut at = parts.iter().enumerate().filter(|(_, part)| **part == "ansible_collections").map(|(at, _)| at);
        let (at, None) = (at.next()?, at.next()) else { return None };
        let name = format!("{}.{}", parts.get(at + 1)?, parts.get(at + 2)?);
        let folder = self.folder(&name)?;
        let same = path.starts_with(&folder)
            || fs_err::canonicalize(&path).ok()?.starts_with(fs_err::canonicalize(&folder).ok()?);
        same.then_some(name)
    }
}

/// Takes a route; whether it leads to another name.
fn follow(kind: Kind, at: &mut Located, collection: &str, route: &Route) -> bool {
    if let Some(gone) = &route.deprecation {
        let said = match kind {
            Kind::Filter | Kind::Test => {
                let name = kind.name();
                format!("{}{} \"{}\" has been deprecated.", name[..1].to_uppercase(), &name[1..], at.name)
            }
            _ => format!("{} has been deprecated.", at.name),
        };
        at.deprecated.push(gone.sentence(&said, collection, false));
    }
    if let Some(gone) = &route.tombstone {
        let said = format!("The '{}' {kind} has been removed.", at.name);
        at.removed = Some(gone.sentence(&said, collection, true));
        return false;
    }
    let Some(to) = &route.redirect else { return false };
    if split(to).is_none() {
        at.removed = Some(format!(
            "Collection {collection} contains invalid redirect for {}: {to}. Redirects must use fully qualified \
             collection names.",
            at.name
        ));
        return false;
    }
    at.redirected.push(std::mem::replace(&mut at.name, to.clone()));
    if at.redirected.contains(to) || at.redirected.len() > FAR {
        let path: Vec<&str> = at.redirected.iter().chain([to]).map(String::as_str).collect();
        at.removed = Some(format!("plugin redirect loop resolving {} (path: {})", at.redirected[0], path.join(" -> ")));
        return false;
    }
    true
}

/// The file of a plugin in a collection's folder; `rest` may have folders before the name.
fn file(collection: &Path, kind: Kind, rest: &str) -> Option<PathBuf> {
    let base = collection.join("plugins").join(kind.name());
    let exact = base.join(rest.replace('.', "/"));
    if kind != Kind::Module {
        return Some(exact.with_extension("py")).filter(|path| path.is_file());
    }
    if exact.is_file() {
        return Some(exact);
    }
    // `sub.name.ps1` is not a name; a module has one extension, whatever it is.
    let stem = exact.file_name()?.to_str()?.to_owned();
    let entries = fs_err::read_dir(exact.parent()?).ok()?.filter_map(Result::ok);
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let ignored = path.extension().and_then(|e| e.to_str()).is_none_or(|e| NO_MODULES.contains(&e));
            name.strip_prefix(&stem).is_some_and(|rest| rest.starts_with('.'))
                && !ignored
                && !name.ends_with('~')
                && path.is_file()
        })
        .collect();
    files.sort();
    files.into_iter().next()
}

/// Without `.` and `..` inside.
fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join("ansible_collections").join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        dir
    }

    fn collections(dir: &tempfile::TempDir) -> Collections {
        Collections::new([dir.path().to_owned()], Sources::new())
    }

    const RUNTIME: &str = "plugin_routing:\n  modules:\n    old: {redirect: a.b.older}\n    older: {redirect: a.b.new, deprecation: {removal_version: 3.0.0}}\n    gone: {tombstone: {removal_version: 2.0.0, warning_text: Use new.}}\n    core: {redirect: ansible.builtin.ping}\n    round: {redirect: a.b.about}\n    about: {redirect: a.b.round}\n    short: {redirect: new}\n    acts: {action_plugin: a.b.acting}\n";

    #[test]
    fn names_lead_through_redirects_to_files() {
        let dir = tree(&[
            ("a/b/meta/runtime.yml", RUNTIME),
            ("a/b/plugins/modules/new.py", ""),
            ("a/b/plugins/modules/acts.py", ""),
            ("a/b/plugins/modules/acts.yml", ""),
            ("a/b/plugins/modules/sub/deep.ps1", ""),
        ]);
        let all = collections(&dir);
        let module = |name: &str| all.find(Kind::Module, name);
        let old = module("a.b.old");
        assert_eq!(
            (old.name.as_str(), old.redirected.as_slice()),
            ("a.b.new", ["a.b.old".into(), "a.b.older".into()].as_slice())
        );
        assert!(old.file.as_deref().is_some_and(|file| file.ends_with("a/b/plugins/modules/new.py")));
        assert_eq!(
            old.deprecated,
            ["a.b.older has been deprecated. This feature will be removed from collection 'a.b' version 3.0.0."]
        );
        assert_eq!(
            module("a.b.gone").removed.as_deref(),
            Some(
                "The 'a.b.gone' module has been removed. Use new. This feature was removed from collection 'a.b' version 2.0.0."
            )
        );
        assert_eq!((module("a.b.core").name.as_str(), module("a.b.core").file), ("ansible.builtin.ping", None));
        assert_eq!(
            module("a.b.round").removed.as_deref(),
            Some("plugin redirect loop resolving a.b.round (path: a.b.round -> a.b.about -> a.b.round)")
        );
        assert!(module("a.b.short").removed.is_some_and(|why| why.contains("invalid redirect for a.b.short: new")));
        assert_eq!(module("a.b.acts").action_plugin.as_deref(), Some("a.b.acting"));
        assert!(module("a.b.acts").file.is_some_and(|file| file.ends_with("acts.py")));
        assert!(module("a.b.sub.deep").file.is_some());
        assert_eq!(module("x.y.z"), Located { name: "x.y.z".into(), ..Located::default() });
        assert_eq!(module("ini_file").name, "community.general.ini_file");
    }

    #[test]
    fn short_names_are_searched_in_order() {
        let dir = tree(&[("a/b/plugins/modules/new.py", ""), ("c/d/plugins/modules/new.py", "")]);
        let all = collections(&dir);
        let native = |name: &str| name == "ansible.builtin.ping" || name == "ansible.legacy.ping";
        let find = |name: &str, list: &[&str]| all.search(Kind::Module, name, list.iter().copied(), &native);
        assert_eq!(find("new", &["c.d", "a.b"]).unwrap().name, "c.d.new");
        assert_eq!(find("ping", &["a.b", "ansible.legacy"]).unwrap().name, "ansible.legacy.ping");
        assert_eq!(find("none", &["a.b"]), None);
    }

    #[test]
    fn roles_and_playbooks_have_full_names() {
        let dir = tree(&[
            ("a/b/roles/one/tasks/main.yml", ""),
            ("a/b/roles/sub/two/tasks/main.yml", ""),
            ("a/b/playbooks/site.yml", ""),
            ("a/b/playbooks/sub/other.yaml", ""),
        ]);
        let all = collections(&dir);
        assert_eq!(all.role("a.b.one", []).unwrap().name, "one");
        assert_eq!(all.role("a.b.sub.two", []).unwrap().name, "two");
        assert_eq!(all.role("one", ["x.y", "a.b"]).unwrap().collection, "a.b");
        assert_eq!(all.role("a.b.none", ["a.b"]), None);
        assert!(all.playbook("a.b.site").unwrap().path.ends_with("playbooks/site.yml"));
        assert!(all.playbook("a.b.site.yml").is_some() && all.playbook("a.b.sub.other").is_some());
        assert_eq!(all.playbook("a.b.none"), None);
        let inside = all.playbook("a.b.site").unwrap().path;
        assert_eq!(all.of_path(&inside).as_deref(), Some("a.b"));
        assert_eq!(all.of_path(dir.path()), None);
    }

    #[test]
    fn beside_the_playbook_comes_before_configured_and_packages_last() {
        let (beside, configured, site) =
            (tree(&[]), tree(&[("a/b/x", ""), ("c/d/x", "")]), tree(&[("a/b/x", ""), ("c/d/x", ""), ("e/f/x", "")]));
        let own = beside.path().join("collections/ansible_collections/a/b");
        fs_err::create_dir_all(&own).unwrap();
        let root = site.path().to_owned();
        let all = Collections::new([configured.path().join("ansible_collections")], Sources::new())
            .with_sites(move || vec![root.clone()]);
        assert!(all.folder("a.b").unwrap().starts_with(configured.path()));
        all.add_playbook(beside.path());
        assert_eq!(all.folder("a.b"), Some(own));
        assert!(all.folder("c.d").unwrap().starts_with(configured.path()));
        assert!(all.folder("e.f").unwrap().starts_with(site.path()));
        assert_eq!(all.roots().len(), 3);
    }
}
