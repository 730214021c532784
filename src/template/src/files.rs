//! Files as templates read them: includes, `lookup('file')`, `template:` sources.

use std::io;
use std::path::{Path, PathBuf};

use rplay_vault::VaultedFiles;

use crate::filters::ospath::expand_user;
use crate::{Scope, TemplateError};

/// How files on the controller are read. The engine's implementation decrypts vault files.
pub trait Files: Send + Sync {
    /// The whole file, decrypted when it is a vault file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Whether there is such a file or folder.
    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }
}

/// Files as they are, without a vault.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainFiles;

impl Files for PlainFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs_err::read(path)
    }
}

/// Files of the controller, vault files decrypted.
impl Files for VaultedFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.bytes(path)
    }
}

impl Scope {
    /// Finds a file as Ansible's lookups and actions do: in `folder` (`files`, `templates`, `vars`) of every search
    /// path entry, then beside it, nearest first. An absolute path is taken as it is.
    pub fn find_file(&self, folder: &str, name: &str) -> Option<PathBuf> {
        let name = PathBuf::from(expand_user(name));
        let files = self.engine().files();
        if name.is_absolute() {
            return files.exists(&name).then_some(name);
        }
        let surroundings = self.surroundings();
        let bases = surroundings.search_path.iter().chain(std::iter::once(&surroundings.basedir));
        bases
            .flat_map(|base| {
                let inner = if base.ends_with(folder) { base.join(&name) } else { base.join(folder).join(&name) };
                [inner, base.join(&name)]
            })
            .find(|path| files.exists(path))
    }

    /// As [`Scope::find_file`], with Ansible's error when it is nowhere.
    pub fn need_file(&self, folder: &str, name: &str) -> Result<PathBuf, TemplateError> {
        self.find_file(folder, name).ok_or_else(|| {
            let surroundings = self.surroundings();
            let searched: Vec<String> =
                surroundings.search_path.iter().map(|path| path.display().to_string()).collect();
            let error = TemplateError::file(format!("Unable to find '{name}' in expected paths."));
            error.hint(format!("it was searched as `{folder}/{name}` and `{name}` in: {}", searched.join(", ")))
        })
    }
}
