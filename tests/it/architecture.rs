//! Rules of the code base that the compiler does not check.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Bottom to top: a crate may use only crates that stand before it.
const LAYERS: &[&str] = &[
    "registry",
    "diag",
    "value",
    "yaml",
    "vault",
    "collection",
    "protocol",
    "template",
    "playbook",
    "python",
    "modules",
    "library",
    "connection",
    "event",
    "journal",
    "inventory",
    "agent",
    "output",
    "engine",
    "scenario",
    "lint",
    "cli",
    "testkit",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn crates() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let short = |name: &serde_json::Value| name.as_str().unwrap().strip_prefix("rplay-").map(str::to_owned);
    let packages = metadata["packages"].as_array().unwrap();
    let edges = |package: &serde_json::Value| {
        let all = package["dependencies"].as_array().unwrap();
        all.iter().filter(|d| d["kind"].as_str() != Some("dev")).filter_map(|d| short(&d["name"])).collect()
    };
    packages.iter().filter_map(|p| Some((short(&p["name"])?, edges(p)))).collect()
}

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("src"), root().join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap().filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn a_crate_uses_only_crates_below_it() {
    let place =
        |name: &str| LAYERS.iter().position(|l| *l == name).unwrap_or_else(|| panic!("{name} has no place in LAYERS"));
    for (name, uses) in crates() {
        for used in uses {
            assert!(place(&used) < place(&name), "{name} uses {used}, which stands above it");
        }
    }
}

#[test]
fn the_agent_stays_small() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "-p", "rplay-agent", "--edges", "normal", "--prefix", "none", "--offline", "--format", "{p}"])
        .current_dir(root())
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    for heavy in ["tokio", "minijinja", "libyaml-rs", "virt", "bollard", "openssh", "clap"] {
        assert!(!tree.lines().any(|line| line.split(' ').next() == Some(heavy)), "the agent links {heavy}");
    }
}

#[test]
fn python_needs_no_async_runtime() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "-p", "rplay-python", "--edges", "normal", "--prefix", "none", "--offline", "--format", "{p}"])
        .current_dir(root())
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(tree.lines().all(|line| line.split(' ').next() != Some("tokio")), "rplay-python links tokio");
}

#[test]
fn the_map_names_every_crate() {
    let map = fs_err::read_to_string(root().join("src/README.md")).unwrap();
    for name in crates().keys() {
        assert!(map.contains(&format!("| `{name}` |")), "src/README.md has no row for {name}");
    }
}

#[test]
fn no_file_is_too_long_to_read() {
    for path in sources() {
        let lines = fs_err::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 1000, "{} has {lines} lines: split it where the field's nouns divide it", path.display());
    }
}

#[test]
fn every_module_filter_test_lookup_and_action_is_documented() {
    let folders = [
        "src/modules/src/builtin",
        "src/modules/src/posix",
        "src/modules/src/general",
        "src/template/src/filters",
        "src/template/src/tests",
        "src/template/src/lookups",
        "src/engine/src/actions",
    ];
    for folder in folders {
        for entry in fs_err::read_dir(root().join(folder)).unwrap().filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() || path.extension().is_none_or(|e| e != "rs") {
                continue;
            }
            let text = fs_err::read_to_string(&path).unwrap();
            assert!(text.starts_with("//! "), "{} starts without a `//!` header", path.display());
        }
    }
}
