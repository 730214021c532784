//! The Python that runs plugins.

use std::ffi::OsString;
use std::io::{self, BufRead as _, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The interpreter: `RPLAY_PYTHON`; the one that an installed `ansible-playbook` runs under, since the modules that
/// plugins need are there; the active virtual environment's; `python3` of `PATH`.
///
/// `env` reads environment variables.
pub fn interpreter(env: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let path = env("PATH").unwrap_or_default();
    if let Some(given) = env("RPLAY_PYTHON").filter(|given| !given.is_empty()) {
        let given = PathBuf::from(given);
        return if given.components().count() > 1 { Some(given) } else { in_path(&path, &given.to_string_lossy()) };
    }
    installed(&path, env).next()
}

/// Every interpreter whose packages may be used: as [`interpreter`], the others after it.
pub fn interpreters(env: &dyn Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let path = env("PATH").unwrap_or_default();
    let mut out: Vec<PathBuf> = interpreter(env).into_iter().collect();
    for python in installed(&path, env) {
        if !out.contains(&python) {
            out.push(python);
        }
    }
    out
}

/// The interpreter of an installed Ansible, that of the active virtual environment, that of `PATH`.
fn installed(path: &OsString, env: &dyn Fn(&str) -> Option<OsString>) -> impl Iterator<Item = PathBuf> {
    let of_ansible = in_path(path, "ansible-playbook").and_then(|script| shebang(&script));
    let of_environment =
        env("VIRTUAL_ENV").map(|folder| PathBuf::from(folder).join("bin/python3")).filter(|python| is_program(python));
    [of_ansible, of_environment, in_path(path, "python3")].into_iter().flatten()
}

fn in_path(path: &OsString, name: &str) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(name)).find(|program| is_program(program))
}

fn is_program(path: &Path) -> bool {
    fs_err::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// The Python interpreter that a script names in its first line.
fn shebang(script: &Path) -> Option<PathBuf> {
    let mut line = Vec::new();
    let file = fs_err::File::open(script).ok()?;
    io::BufReader::new(file.take(512)).read_until(b'\n', &mut line).ok()?;
    let line = String::from_utf8(line).ok()?;
    let interpreter = Path::new(line.strip_prefix("#!")?.split_whitespace().next()?);
    let python = interpreter.file_name()?.to_str()?.starts_with("python");
    (python && is_program(interpreter)).then(|| interpreter.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(path: &Path, text: &str) {
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn the_most_deliberate_choice_wins() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        program(&root.join("bin/python3"), "");
        program(&root.join("venv/bin/python3"), "");
        let find = |names: &[&str]| {
            interpreter(&|name| {
                names.contains(&name).then(|| match name {
                    "PATH" => root.join("bin").into(),
                    "VIRTUAL_ENV" => root.join("venv").into(),
                    _ => root.join("own/python3.12").into(),
                })
            })
        };
        assert_eq!(find(&["PATH"]), Some(root.join("bin/python3")));
        assert_eq!(find(&["PATH", "VIRTUAL_ENV"]), Some(root.join("venv/bin/python3")));
        program(&root.join("ansible/bin/python3.11"), "");
        let script = format!("#!{} -I\nimport sys\n", root.join("ansible/bin/python3.11").display());
        program(&root.join("bin/ansible-playbook"), &script);
        assert_eq!(find(&["PATH", "VIRTUAL_ENV"]), Some(root.join("ansible/bin/python3.11")));
        assert_eq!(find(&["PATH", "RPLAY_PYTHON"]), Some(root.join("own/python3.12")));
        program(&root.join("bin/ansible-playbook"), "#!/bin/sh\n");
        assert_eq!(find(&["PATH"]), Some(root.join("bin/python3")));
        assert_eq!(find(&[]), None);
    }
}
