//! Modules by name.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rplay_collection::{Collections, Kind};

use crate::find::{in_folder, in_tree};
use crate::pack::{Base, lacking};
use crate::sources::Sources;
use crate::{Found, LibraryError, Payload, Place};

/// Finds the package `ansible` of an installed ansible-core.
type FindCore = Arc<dyn Fn() -> Option<PathBuf> + Send + Sync>;

/// Where to look.
#[derive(Clone, Default)]
pub struct LibraryOptions {
    /// `--module-path`: before everything else.
    pub first: Vec<PathBuf>,
    /// `library` of the settings: after playbooks and roles.
    pub configured: Vec<PathBuf>,
    /// `module_utils` of the settings.
    pub module_utils: Vec<PathBuf>,
    /// The collections of the run.
    pub collections: Collections,
    /// Finds the package `ansible` of an installed ansible-core, when it is needed. `None`: there is none.
    pub core: Option<FindCore>,
    /// What modules see as `ansible.__version__`.
    pub version: String,
}

/// Every module that is not native. Nothing is read before a name is asked for.
#[derive(Default)]
pub struct Library {
    options: LibraryOptions,
    core: OnceLock<Option<PathBuf>>,
    state: Mutex<State>,
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Library")
    }
}

#[derive(Debug, Default)]
struct State {
    /// Folders of playbooks and roles, in the order they were entered.
    entered: Vec<PathBuf>,
    found: HashMap<String, Arc<Found>>,
    /// Short names that no library has, while no further folder is entered.
    absent: HashSet<String>,
    bases: HashMap<Vec<PathBuf>, Arc<Base>>,
    /// With the folders of `module_utils` that there were.
    payloads: HashMap<PathBuf, (Vec<PathBuf>, Arc<Payload>)>,
}

impl Library {
    /// A library of these folders.
    pub fn new(options: LibraryOptions) -> Self {
        Self { options, core: OnceLock::new(), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A playbook's or a role's folder takes part from now on, for every task: its `library` and `module_utils`.
    /// The first that was entered is the strongest, as in ansible-core.
    pub fn enter(&self, folder: &Path) {
        let mut state = self.state();
        if !state.entered.iter().any(|entered| entered == folder) {
            state.entered.push(folder.to_owned());
            state.absent.clear();
        }
    }

    /// The package `ansible` of an installed ansible-core.
    pub fn core(&self) -> Option<&Path> {
        self.core.get_or_init(|| self.options.core.as_ref().and_then(|find| find())).as_deref()
    }

    /// A module of that short name in a library: it hides a native one. `ansible.legacy.` may stand before the name.
    pub fn outside(&self, name: &str) -> Option<Arc<Found>> {
        let short = name.strip_prefix("ansible.legacy.").unwrap_or(name);
        {
            let state = self.state();
            if state.absent.contains(short) {
                return None;
            }
            if let Some(found) = state.found.get(short) {
                return Some(Arc::clone(found));
            }
        }
        let entered = self.state().entered.clone();
        let file = self
            .options
            .first
            .iter()
            .find_map(|folder| in_tree(folder, short, 2))
            .or_else(|| entered.iter().find_map(|folder| in_folder(&folder.join("library"), short)))
            .or_else(|| self.options.configured.iter().find_map(|folder| in_tree(folder, short, 2)));
        let mut state = self.state();
        if let Some(file) = file {
            let found = Arc::new(Found { name: short.to_owned(), file, place: Place::Library });
            state.found.insert(short.to_owned(), Arc::clone(&found));
            Some(found)
        } else {
            state.absent.insert(short.to_owned());
            None
        }
    }

    /// A module of that full name in a collection, or of a short name or `ansible.builtin.` in an installed ansible-core.
    pub fn inside(&self, name: &str) -> Option<Arc<Found>> {
        if let Some(found) = self.state().found.get(name).filter(|found| found.place != Place::Library) {
            return Some(Arc::clone(found));
        }
        let parts: Vec<&str> = name.split('.').collect();
        let found = match parts.as_slice() {
            [short] | ["ansible", "builtin" | "legacy", short] => {
                let file = in_folder(&self.core()?.join("modules"), short)?;
                Found { name: (*short).to_owned(), file, place: Place::Core }
            }
            [_, _, .., short] => {
                let there = self.options.collections.find(Kind::Module, name);
                let place = Place::Collection(there.collection().to_owned());
                Found { name: (*short).to_owned(), file: there.file?, place }
            }
            [] | [_, _] => return None,
        };
        let found = Arc::new(found);
        self.state().found.insert(name.to_owned(), Arc::clone(&found));
        Some(found)
    }

    /// The module of this name, wherever it is: libraries first for short names.
    pub fn find(&self, name: &str) -> Option<Arc<Found>> {
        let short = !name.contains('.') || name.starts_with("ansible.legacy.");
        let outside = if short { self.outside(name) } else { None };
        outside.or_else(|| self.inside(name))
    }

    /// The module as it is sent. Packed once, unless further folders took part since.
    pub fn payload(&self, found: &Found) -> Result<Arc<Payload>, LibraryError> {
        let utils = self.utils();
        if let Some((with, payload)) = self.state().payloads.get(&found.file)
            && *with == utils
        {
            return Ok(Arc::clone(payload));
        }
        let sources = self.sources(utils);
        let payload = Arc::new(Payload::new(found, &sources, || self.base(&sources))?);
        self.state().payloads.insert(found.file.clone(), (sources.utils, Arc::clone(&payload)));
        Ok(payload)
    }

    /// What a Python module imports of `module_utils` and is nowhere: for each import the names that were tried.
    pub fn lacks(&self, found: &Found) -> Result<Vec<Vec<String>>, LibraryError> {
        let sources = self.sources(self.utils());
        lacking(found, &sources, &*self.base(&sources)?)
    }

    /// Folders of `module_utils`, the strongest first.
    fn utils(&self) -> Vec<PathBuf> {
        let entered = self.state().entered.clone();
        let own = entered.iter().map(|folder| folder.join("module_utils")).filter(|folder| folder.is_dir());
        own.chain(self.options.module_utils.iter().filter(|f| f.is_dir()).cloned()).collect()
    }

    fn sources(&self, utils: Vec<PathBuf>) -> Sources<'_> {
        let options = &self.options;
        Sources { utils, core: self.core(), collections: &options.collections, version: &options.version }
    }

    fn base(&self, sources: &Sources<'_>) -> Result<Arc<Base>, LibraryError> {
        if let Some(base) = self.state().bases.get(&sources.utils) {
            return Ok(Arc::clone(base));
        }
        let base = Arc::new(Base::new(sources)?);
        self.state().bases.insert(sources.utils.clone(), Arc::clone(&base));
        Ok(base)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn names(payload: &Payload, pack: usize) -> Vec<String> {
        let bytes = std::io::Cursor::new(payload.packs[pack].content.to_vec());
        zip::ZipArchive::new(bytes).unwrap().file_names().map(|name| name.unwrap().into_owned()).collect()
    }

    fn write(path: PathBuf, text: &str) {
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    #[test]
    fn a_module_takes_along_what_it_imports_and_shares_the_base() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let utils = "ansible_collections/a/b/plugins/module_utils";
        write(at(&format!("{utils}/deep/inner.py")), "from .other import x\nfrom ..top import y\n");
        write(at(&format!("{utils}/deep/other.py")), "x = 1\n");
        write(at(&format!("{utils}/top.py")), "y = 1\n");
        let text = "#!/usr/bin/python\nfrom ansible.module_utils.basic import AnsibleModule\n\
                    from ansible_collections.a.b.plugins.module_utils.deep.inner import z\n\
                    from ..module_utils.top import y\n\
                    try:\n    from ansible.module_utils.nowhere import w\nexcept ImportError:\n    w = None\n";
        write(at("ansible_collections/a/b/plugins/modules/mine.py"), text);
        write(at("play/library/other.py"), "#!/usr/bin/python\nfrom ansible.module_utils import basic, words\n");
        write(at("play/library/lost.py"), "#!/usr/bin/python\nfrom ansible.module_utils.nowhere import w\n");
        let collections = Collections::new([dir.path().to_owned()], rplay_diag::Sources::new());
        let library = Library::new(LibraryOptions { collections, ..LibraryOptions::default() });
        assert!(library.find("other").is_none());
        library.enter(&at("play"));

        let mine = library.payload(&library.find("a.b.mine").unwrap()).unwrap();
        assert_eq!(mine.path, "ansible_collections.a.b.plugins.modules.mine");
        let own = names(&mine, 1);
        for name in ["deep/__init__.py", "deep/inner.py", "deep/other.py", "top.py", "__init__.py"] {
            assert!(own.contains(&format!("{utils}/{name}")), "{name} is not in {own:?}");
        }
        assert!(own.contains(&"ansible_collections/a/b/plugins/modules/mine.py".to_owned()));
        assert!(!own.iter().any(|name| name.starts_with("ansible/module_utils/basic")));
        assert!(names(&mine, 0).contains(&"ansible/module_utils/common/arg_spec.py".to_owned()));

        write(at("play/module_utils/words.py"), "");
        let other = library.payload(&library.find("other").unwrap()).unwrap();
        assert!(names(&other, 1).contains(&"ansible/module_utils/words.py".to_owned()));
        assert_eq!(other.packs[0], mine.packs[0]);
        let error = library.payload(&library.find("lost").unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Could not find imported module support code for ansible.legacy.lost. Looked for \
             (['ansible.module_utils.nowhere.w', 'ansible.module_utils.nowhere'])"
        );
        assert!(error.help().unwrap().contains("stand-ins"));
        let mut text = String::new();
        let bytes = std::io::Cursor::new(mine.packs[0].content.to_vec());
        zip::ZipArchive::new(bytes).unwrap().by_name(".warm").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "ansible.module_utils.basic");
    }
}
