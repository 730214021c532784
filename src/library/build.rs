//! Embeds the Python files of `standin/`, so that rplay stays one file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=standin");
    println!("cargo::rerun-if-changed=../python/sidecar/standin");
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut rows = BTreeMap::new();
    // What plugins on the controller import as well. A file of our own of the same name is the fuller one.
    let shared = here.join("../python/sidecar/standin");
    files(&shared.join("ansible/module_utils"), &shared, &mut rows)?;
    let six = shared.join("six/__init__.py");
    rows.insert("ansible/module_utils/six/__init__.py".to_owned(), six);
    let own = here.join("standin");
    files(&own, &own, &mut rows)?;
    let mut text = String::from(
        "/// Every stand-in: its file's name, such as `ansible/module_utils/basic.py`, and its text. Sorted.\n",
    );
    text.push_str("static STANDINS: &[(&str, &str)] = &[\n");
    for (name, file) in rows {
        writeln!(text, "    ({name:?}, include_str!({:?})),", file.display().to_string()).map_err(io::Error::other)?;
    }
    text.push_str("];\n");
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("standins.rs"), text)
}

fn files(folder: &Path, root: &Path, rows: &mut BTreeMap<String, PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, root, rows)?;
        } else if path.extension().is_some_and(|e| e == "py") {
            let name = path.strip_prefix(root).map_err(io::Error::other)?.display().to_string();
            rows.insert(name, path);
        }
    }
    Ok(())
}
