//! Inventories under `fixtures/inventory`, compared with what ansible-core 2.19 says of them
//! (`fixtures/inventory/record` records it).

use std::path::{Path, PathBuf};

use rplay_diag::Sources;
use rplay_inventory::{InvalidGroupNames, Inventory, Loader, PlainFiles, Show};
use rplay_value::Value;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/inventory")
}

fn load(sources: &Sources, given: &[&str]) -> Inventory {
    let mut loader = Loader::new(sources, &PlainFiles);
    loader.settings.invalid_group_names = InvalidGroupNames::Ignore;
    let paths: Vec<String> = given
        .iter()
        .map(|name| if name.contains(',') { (*name).to_owned() } else { fixtures().join(name).display().to_string() })
        .collect();
    let (inventory, failed) = loader.load(&paths);
    assert!(failed.is_empty(), "{failed:?}");
    inventory
}

const CASES: [(&str, &[&str]); 10] = [
    ("plain", &["plain/hosts"]),
    ("yamlinv", &["yamlinv/hosts.yml"]),
    ("json", &["json/hosts.json"]),
    ("toml", &["toml/hosts.toml"]),
    ("script", &["script/inv.sh"]),
    ("old", &["script/old.sh"]),
    ("dir", &["dir"]),
    ("vars", &["vars/hosts"]),
    ("list", &["a,b:22,[::1]:33,c[1:2],"]),
    ("several", &["plain/hosts", "yamlinv/hosts.yml"]),
];

/// Mappings are compared whatever their order; lists keep theirs.
#[test]
fn lists_and_exports_are_ansibles() {
    for (name, given) in CASES {
        for (export, ending) in [(false, "list"), (true, "export")] {
            let sources = Sources::new();
            let inventory = load(&sources, given);
            let show = Show { export, hosts: None, extra_vars: None, files: &PlainFiles, sources: &sources };
            let ours = Value::Map(inventory.list(show).unwrap());
            let recorded = std::fs::read_to_string(fixtures().join(format!("{name}.{ending}"))).unwrap();
            let expected: Value = serde_json::from_str(&recorded).unwrap();
            let ours: Value = serde_json::from_str(&serde_json::to_string(&ours).unwrap()).unwrap();
            for (key, value) in expected.as_map().unwrap() {
                assert_eq!(ours.get(key.as_str().unwrap()), Some(value), "{name}.{ending}: {key:?}");
            }
            assert_eq!(ours, expected, "{name}.{ending}");
        }
    }
}

#[test]
fn graphs_are_ansibles() {
    for (name, given) in CASES {
        let sources = Sources::new();
        let recorded = std::fs::read_to_string(fixtures().join(format!("{name}.graph"))).unwrap();
        assert_eq!(load(&sources, given).graph("all").unwrap(), recorded.trim_end(), "{name}");
    }
}

#[test]
fn patterns_choose_what_ansible_chooses() {
    let sources = Sources::new();
    let inventory = load(&sources, &["plain/hosts", "yamlinv/hosts.yml"]);
    let recorded = std::fs::read_to_string(fixtures().join("patterns.txt")).unwrap();
    for line in recorded.lines() {
        let (asked, expected) = line.split_once(" =>").unwrap();
        let (pattern, limit) = asked.split_once(' ').unwrap();
        let limit = Some(limit.trim()).filter(|l| !l.is_empty());
        let ours = inventory.select(&[pattern], limit).unwrap().hosts.join(" ");
        assert_eq!(ours, expected.trim(), "{asked}");
    }
}
