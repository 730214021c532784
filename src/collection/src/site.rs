//! What is installed for Python, found without running it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::interpreters;

/// Folders of installed Python packages (`site-packages` and such) of the Pythons of this machine, best first: those of
/// [`interpreters`]. `PYTHONPATH` comes before all of them. `env` reads environment variables.
pub fn sites(env: &dyn Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let mut out: Vec<PathBuf> = Vec::new();
    let mut add = |folder: PathBuf| {
        if folder.is_dir() && !out.contains(&folder) {
            out.push(folder);
        }
    };
    for folder in std::env::split_paths(&env("PYTHONPATH").unwrap_or_default()).filter(|p| p.is_absolute()) {
        add(folder);
    }
    for python in interpreters(env) {
        for folder in of_interpreter(&python, env) {
            add(folder);
        }
    }
    out
}

/// The folder of an installed ansible-core (`.../site-packages/ansible`), which holds its modules and what they import.
pub fn core(sites: &[PathBuf]) -> Option<PathBuf> {
    sites.iter().map(|site| site.join("ansible")).find(|folder| folder.join("module_utils/basic.py").is_file())
}

/// Where one interpreter's packages are. A virtual environment has its own; what else there is depends on where the
/// interpreter really is.
fn of_interpreter(python: &Path, env: &dyn Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let Some(prefix) = python.parent().and_then(Path::parent) else { return out };
    let versions = |lib: PathBuf, name: &str, out: &mut Vec<PathBuf>| {
        let entries = fs_err::read_dir(lib).into_iter().flatten().filter_map(Result::ok);
        let mut folders: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|path| path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with("python3")))
            .map(|path| path.join(name))
            .filter(|path| path.is_dir())
            .collect();
        folders.sort();
        out.extend(folders);
    };
    let environment = fs_err::read_to_string(prefix.join("pyvenv.cfg")).ok();
    if let Some(settings) = environment {
        versions(prefix.join("lib"), "site-packages", &mut out);
        let word = |key: &str| {
            settings.lines().find_map(|line| {
                let (name, value) = line.split_once('=')?;
                (name.trim() == key).then(|| value.trim().to_owned())
            })
        };
        if word("include-system-site-packages").is_none_or(|value| value != "true") {
            return out;
        }
        if let Some(home) = word("home") {
            let real = Path::new(&home).join("python3");
            out.extend(of_interpreter(&real, env));
        }
        return out;
    }
    if let Some(home) = env("HOME") {
        versions(Path::new(&home).join(".local/lib"), "site-packages", &mut out);
    }
    let real = fs_err::canonicalize(python).ok();
    let real_prefix = real.as_deref().and_then(Path::parent).and_then(Path::parent);
    for prefix in [Some(prefix), real_prefix].into_iter().flatten() {
        if prefix == Path::new("/usr") {
            versions(PathBuf::from("/usr/local/lib"), "dist-packages", &mut out);
        }
        for lib in ["lib", "lib64"] {
            versions(prefix.join(lib), "site-packages", &mut out);
            versions(prefix.join(lib), "dist-packages", &mut out);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn program(path: &Path) {
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, "").unwrap();
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn packages_of_an_environment_are_found_without_python() {
        let dir = tempfile::tempdir().unwrap();
        let venv = dir.path().join("venv");
        program(&venv.join("bin/python3"));
        let site = venv.join("lib/python3.12/site-packages");
        fs_err::create_dir_all(site.join("ansible/module_utils")).unwrap();
        fs_err::write(site.join("ansible/module_utils/basic.py"), "").unwrap();
        fs_err::write(venv.join("pyvenv.cfg"), "home = /nowhere\ninclude-system-site-packages = false\n").unwrap();
        let env = |name: &str| match name {
            "PATH" => Some(venv.join("bin").into()),
            "HOME" => Some(dir.path().into()),
            _ => None,
        };
        let found = sites(&env);
        assert_eq!(found, std::slice::from_ref(&site));
        assert_eq!(core(&found), Some(site.join("ansible")));
        assert_eq!(core(&[]), None);
    }

    #[test]
    fn a_user_s_own_packages_count_outside_of_environments() {
        let dir = tempfile::tempdir().unwrap();
        program(&dir.path().join("opt/bin/python3"));
        let own = dir.path().join("home/.local/lib/python3.12/site-packages");
        let shared = dir.path().join("opt/lib/python3.12/site-packages");
        fs_err::create_dir_all(&own).unwrap();
        fs_err::create_dir_all(&shared).unwrap();
        let env = |name: &str| match name {
            "PATH" => Some(dir.path().join("opt/bin").into()),
            "HOME" => Some(dir.path().join("home").into()),
            _ => None,
        };
        assert_eq!(sites(&env), [own, shared]);
    }
}
