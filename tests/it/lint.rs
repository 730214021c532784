//! `rplay lint`: formats and exit codes. The rules have their tests in the lint crate.

use serde_json::Value;

use crate::bed;

const PLAY: &str = "- hosts: all\n  sudo: yes\n  tasks:\n    - {debug: , when: out.stdout}\n";

#[test]
fn findings_are_printed_for_people_and_for_programs() {
    let bed = bed().file("site.yml", PLAY);
    let ran = bed.rplay(&["lint", "site.yml"]);
    assert_eq!(ran.code, 2);
    let wanted = "error: `sudo` was removed in Ansible 2.9 [removed-keyword]\n --> site.yml:2:3";
    assert!(ran.stdout.starts_with(wanted), "{}", ran.stdout);
    assert!(ran.stderr.starts_with("1 place that Ansible 2.19 refuses, 1 that it warns about"), "{}", ran.stderr);

    let ran = bed.rplay(&["lint", "--output", "json"]);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 2);
    let first = &found[0];
    assert_eq!((first["rule"].as_str(), first["level"].as_str()), (Some("removed-keyword"), Some("error")));
    assert_eq!(
        (first["file"].as_str(), first["line"].as_i64(), first["column"].as_i64()),
        (Some("site.yml"), Some(2), Some(3))
    );
    assert_eq!((first["since"].as_str(), first["replacement"].as_str()), (Some("2.9"), Some("become")));
    assert_eq!(bed.rplay(&["lint", "--output", "jsonl"]).stdout.lines().count(), 2);

    let ran = bed.rplay(&["lint", "--output", "github"]);
    let wanted =
        "::error file=site.yml,line=2,col=3,title=removed-keyword::`sudo` was removed in Ansible 2.9: write `become`\n";
    assert!(ran.stdout.starts_with(wanted), "{}", ran.stdout);
}

#[test]
fn the_exit_code_says_whether_something_was_found() {
    let bed = bed()
        .file("site.yml", PLAY)
        .file("notes.yml", "- hosts: all\n  tasks: [{debug: {msg: \"{{ ansible_hostname }}\"}}]\n");
    assert_eq!(bed.rplay(&["lint", "--compat", "1.9"]).code, 0);
    assert_eq!(bed.rplay(&["lint", "nowhere.yml"]).code, 1);
    assert_eq!(bed.rplay(&["lint", "--compat", "x"]).code, 5);
    let ran = bed.rplay(&["lint", "--info", "notes.yml"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.contains("write `ansible_facts['hostname']`"), "{}", ran.stdout);
    assert!(bed.rplay(&["lint", "--rules"]).stdout.contains("test-as-filter"));
}
