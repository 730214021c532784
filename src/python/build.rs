//! Embeds the Python files of `sidecar/`, so that rplay stays one file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Modules that exist under a second name.
const ALSO: &[(&str, &str)] = &[("six/__init__.py", "ansible/module_utils/six/__init__.py")];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=sidecar");
    println!("cargo::rerun-if-changed=../library/standin");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("sidecar");
    let mut rows = Vec::new();
    modules(&root.join("rplay_sidecar"), &root, &mut rows)?;
    modules(&root.join("standin"), &root.join("standin"), &mut rows)?;
    // What modules bring along serves plugins, too, and is the fuller one; but the modules' own base is not for the controller.
    let shared = root.join("../../library/standin").canonicalize()?;
    let mut more = Vec::new();
    modules(&shared, &shared, &mut more)?;
    more.retain(|(name, _)| name != "ansible/module_utils/basic.py");
    rows.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
    rows.append(&mut more);
    for (name, other) in ALSO {
        let file = rows.iter().find(|(known, _)| known == name).map(|(_, file)| file.clone());
        rows.extend(file.map(|file| ((*other).to_owned(), file)));
    }
    rows.sort();
    let mut text = String::from("/// Every module of the sidecar: its file's name among the modules, its text.\n");
    text.push_str("static MODULES: &[(&str, &str)] = &[\n");
    for (name, file) in rows {
        writeln!(text, "    ({name:?}, include_str!({:?})),", file.display().to_string()).map_err(io::Error::other)?;
    }
    text.push_str("];\n");
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("modules.rs"), text)
}

fn modules(folder: &Path, root: &Path, rows: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            modules(&path, root, rows)?;
        } else if path.extension().is_some_and(|e| e == "py") {
            let name = path.strip_prefix(root).map_err(io::Error::other)?.display().to_string();
            rows.push((name, path));
        }
    }
    Ok(())
}
