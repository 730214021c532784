//! Kernels that are programs of this machine (user-mode Linux, Debian's package `user-mode-linux`): what a disk needs for one.

use std::path::Path;

use super::ProviderError;

/// Where the package keeps the modules of its kernel.
const MODULES: &str = "/usr/lib/uml/modules";

/// Puts the modules of the kernel into a system, beside those of its own.
pub(super) fn modules(tree: &Path) -> Result<(), ProviderError> {
    let missing = || ProviderError::Missing {
        what: format!("provider `uml` needs the kernel whose modules are in {MODULES}, which is not there"),
        fix: "install it (on Debian `apt install user-mode-linux`)".to_owned(),
    };
    if !Path::new(MODULES).is_dir() {
        return Err(missing());
    }
    let modules = tree.join("lib/modules");
    // `lib` is a link in systems of today; within the tree, since it is relative.
    fs_err::create_dir_all(&modules)?;
    for entry in walkdir::WalkDir::new(MODULES).min_depth(1) {
        let entry = entry.map_err(std::io::Error::from)?;
        let there = modules.join(entry.path().strip_prefix(MODULES).unwrap_or(entry.path()));
        if entry.file_type().is_dir() {
            fs_err::create_dir_all(&there)?;
        } else if entry.file_type().is_file() {
            fs_err::copy(entry.path(), &there)?;
        }
    }
    Ok(())
}
