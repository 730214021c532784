//! `rplay inventory` prints what ansible-inventory prints: compared with what `fixtures/inventory/record` recorded.

use std::path::PathBuf;

use rplay_testkit::TestBed;

use crate::{bed, copy};

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/inventory")
}

/// A bed with the recorded inventories in it.
fn inventories() -> TestBed {
    let bed = bed();
    copy(&fixtures(), bed.path());
    bed.env("ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS", "ignore")
}

#[test]
fn every_form_is_ansible_inventory_s() {
    let bed = inventories();
    let mut wrong = Vec::new();
    for (name, source) in [("plain", "plain/hosts"), ("yamlinv", "yamlinv/hosts.yml"), ("vars", "vars/hosts")] {
        for (ending, how) in [
            ("list", &["--list"][..]),
            ("export", &["--list", "--export"]),
            ("graph", &["--graph"]),
            ("yaml", &["--list", "--yaml"]),
            ("graphvars", &["--graph", "--vars"]),
        ] {
            // Anchors for lists that Python shares between hosts: see COMPATIBILITY.md.
            if (name, ending) == ("plain", "yaml") {
                continue;
            }
            let ran = bed.rplay(&[&["inventory", "-i", source], how].concat());
            let recorded = fs_err::read_to_string(fixtures().join(format!("{name}.{ending}"))).unwrap();
            if ran.stdout.trim_end() != recorded.trim_end() {
                wrong.push(format!("== {name}.{ending}\n{ran}\n--- recorded ---\n{recorded}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn hosts_limits_extra_variables_and_files() {
    let bed = inventories();
    let ask = |args: &[&str]| bed.rplay(&[&["inventory", "-i", "vars/hosts"], args].concat());
    insta::assert_snapshot!("host", ask(&["--host", "h1", "-e", "given=1"]));
    insta::assert_snapshot!("host_export", ask(&["--host", "h1", "--export", "--yaml"]));
    insta::assert_snapshot!("limited", ask(&["--list", "--yaml", "-l", "h2"]));
    let ran = ask(&["--list", "--output", "out.json"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    let recorded = fs_err::read_to_string(fixtures().join("vars.list")).unwrap();
    assert_eq!(bed.read("out.json").trim_end(), recorded.trim_end());
}

#[test]
fn what_is_not_there_is_told_with_the_nearest() {
    let bed = inventories();
    insta::assert_snapshot!("no_action", bed.rplay(&["inventory", "-i", "vars/hosts"]));
    insta::assert_snapshot!("unknown_host", bed.rplay(&["inventory", "-i", "vars/hosts", "--host", "h11"]));
    insta::assert_snapshot!("unknown_group", bed.rplay(&["inventory", "-i", "vars/hosts", "--graph", "wbe"]));
}
