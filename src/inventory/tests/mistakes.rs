//! Malformed inventories: each source is named with what every reader said, with places, and nothing panics.
#![expect(clippy::unwrap_used, reason = "what a test sets up must work")]

use rplay_diag::{Sources, render};
use rplay_inventory::{Inventory, Loader, PlainFiles};

/// Loads one file of this name and text; the inventory and what is said about the source.
fn load(name: &str, text: &str) -> (Inventory, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    let sources = Sources::new();
    let (inventory, failed) = Loader::new(&sources, &PlainFiles).load(&[path.display().to_string()]);
    let said: Vec<String> = failed.iter().map(|attempt| render(&attempt.diagnostic(), &sources, false)).collect();
    let warnings: Vec<String> = inventory.clone().take_warnings().iter().map(|w| render(w, &sources, false)).collect();
    (inventory, [said, warnings].concat().join("\n").replace(&format!("{}/", folder.path().display()), ""))
}

#[test]
fn every_mistake_has_a_place() {
    let cases = [
        ("hosts", "[web\nh1\n", "h1", ""),
        ("hosts.ini", "[web\n", "host range `[web` is neither of numbers nor of letters", "hosts.ini:1:1"),
        ("hosts.ini", "[a b]\n", "Invalid section entry", "hosts.ini:1:1"),
        ("hosts.ini", "[web]\nh1 x\n", "Expected key=value host variable assignment, got: x", "hosts.ini:2:4"),
        ("hosts.ini", "[web]\nh1 x='y\n", "No closing quotation", "hosts.ini:2:1"),
        ("hosts.ini", "[web:vras]\n", "has unknown type: vras", "hosts.ini:1:1"),
        ("hosts.ini", "[web:vars]\nx=1\n", "not valid for undefined group 'web'", "hosts.ini:1:1"),
        ("hosts.ini", "[web]\n[web:vars]\nx\n", "Expected key=value, got: x", "hosts.ini:3:1"),
        ("hosts.ini", "[a:children]\nwbe\n[web]\n", "there is a group `web`", "hosts.ini:2:1"),
        ("hosts.ini", "[a:children]\nb\n[b:children]\na\n", "recursive dependency loop", "hosts.ini:4:1"),
        ("hosts.ini", "[a:children]\na\n", "recursive dependency loop", "hosts.ini:2:1"),
        ("hosts.ini", "[a:children]\nb c\n", "Expected group name, got: b c", "hosts.ini:2:1"),
        ("hosts.ini", "w[1:\n", "neither of numbers nor of letters", "hosts.ini:1:1"),
        ("hosts.ini", "w[01:100]\n", "equal-length", "hosts.ini:1:1"),
        ("hosts.ini", "w[1:99999999]\n", "more than a million hosts", "hosts.ini:1:1"),
        ("hosts.ini", "web:\n", "ending in ':' is not allowed", "hosts.ini:1:1"),
        ("hosts.ini", "---\n- x\n", "normally a sign this is a YAML file", "hosts.ini:1:1"),
        ("hosts.yml", "- a\n- b\n", "should be a dictionary, got: a list", ""),
        ("hosts.yml", "web:\n  hosts: [a, b]\n", "requires a dictionary, found a list", "hosts.yml:2:11"),
        ("hosts.yml", "web:\n  hosts:\n    1:\n", "Host pattern 1 must be a string", ""),
        ("hosts.yml", "web:\n  hosts:\n    a: 5\n", "variables of host `a` must be a mapping", "hosts.yml:3:5"),
        ("hosts.yml", "web:\n  host:\n    a: {}\n", "Skipping unexpected key (host)", "hosts.yml:2:3"),
        ("hosts.yml", "web: 5\n", "not a valid group definition", "hosts.yml:1:1"),
        (
            "hosts.yml",
            "plugin: amazon.aws.aws_ec2\n",
            "there is no inventory plugin `amazon.aws.aws_ec2`",
            "hosts.yml:1:9",
        ),
        ("hosts.yml", "a: {children: {b: {children: {a: }}}}\n", "recursive dependency loop", "hosts.yml:1"),
        ("hosts.yml", "web:\n  hosts:\n   a: b: c\n", "", "hosts.yml:3:"),
        ("hosts.toml", "[web\n", "TOML parsing failed", "hosts.toml:1:"),
        ("hosts.toml", "[web]\nhosts = 1\n", "requires a table", "hosts.toml:2:1"),
        ("hosts.json", "{\"web\": \n", "", "hosts.json:"),
    ];
    for (name, text, message, place) in cases {
        let (_, said) = load(name, text);
        assert!(
            said.contains(message) && said.contains(place),
            "{text:?}: expected `{message}` at `{place}` in\n{said}"
        );
    }
}

/// A source that cannot be read leaves nothing behind.
#[test]
fn half_a_source_is_no_source() {
    let (inventory, _) = load("hosts.ini", "[web]\nh1\nh2 x\n");
    assert_eq!(inventory.hosts().len(), 0);
    assert!(inventory.group("web").is_none());
}

#[test]
fn all_readers_are_heard() {
    let (_, said) = load("hosts", "[web]\nh1 x\n");
    assert!(said.contains("Unable to parse hosts as an inventory source"), "{said}");
    assert!(said.contains("as yaml:") && said.contains("as ini: Expected key=value"), "{said}");
}

#[test]
fn the_format_is_found_by_content() {
    let (inventory, said) = load("lab.yml", "[web]\nh1 a=1\n");
    assert_eq!(inventory.hosts().len(), 1, "{said}");
    let (inventory, said) = load("hosts", "web:\n  hosts:\n    h1: {a: 1}\n");
    assert_eq!(inventory.hosts().len(), 1, "{said}");
    assert!(said.is_empty(), "{said}");
}
