//! Release profiles: the project in `fixtures/compat` under each release, against what that release made of it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::bed;

/// What differs on purpose or cannot be had, and why: release, play, task.
const DIFFERENT: &[(&str, &str, &str)] = &[
    // `[AnsibleUndefined]` is text of an accident; here it is an error as in every other release.
    ("2.9", "results", "undefined in a list"),
    ("2.11", "results", "undefined in a list"),
    // Old releases left a placeholder in lists; an element that is omitted is left out.
    ("2.9", "results", "omit in a list"),
    ("2.11", "results", "omit in a list"),
    ("2.16", "results", "omit in a list"),
    // Sums inside of text that looks like a list are not calculated.
    ("2.9", "results", "sum in brackets"),
    ("2.11", "results", "sum in brackets"),
    // `keys` and `items` give lists in every release.
    ("2.9", "results", "keys"),
    // The text of a generator is an address in memory.
    ("2.9", "results", "map without list"),
    // Text of hosts is never evaluated as a condition, whatever is followed.
    ("2.9", "text from hosts", "braces around its output"),
    ("2.11", "text from hosts", "braces around its output"),
    // Templates do not reach into Python's classes.
    ("2.9", "old variables", "python in a template"),
    ("2.11", "old variables", "python in a template"),
    ("2.16", "old variables", "python in a template"),
];

/// The same for files that are only read.
const LOADED: &[(&str, &str)] = &[
    // A constant of the wrong kind is an error when the playbook is read, before anything has run.
    ("2.9", "meta_unknown"),
    ("2.11", "meta_unknown"),
    ("2.16", "meta_unknown"),
    ("2.19", "meta_unknown"),
    // Text in place of options fails when the task runs, as since 2.19.
    ("2.9", "raw_params_in_module"),
    ("2.11", "raw_params_in_module"),
    ("2.16", "raw_params_in_module"),
];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/compat")
}

fn recorded(release: &str) -> Value {
    let text = std::fs::read_to_string(fixtures().join(format!("{release}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// A result as the recording script writes it.
fn outcome(result: &Value) -> Value {
    let is = |key: &str| result[key] == json!(true);
    if let Some(results) = result["results"].as_array().filter(|results| !results.is_empty()) {
        return results.iter().map(outcome).collect();
    }
    if is("failed") || result["failed_when_result"] == json!(true) {
        return json!(["failed"]);
    }
    if is("skipped") {
        return json!(["skipped"]);
    }
    match result.get("msg") {
        Some(message) if result.get("invocation").is_none() => json!(["ok", message]),
        _ if is("changed") => json!(["changed"]),
        _ => json!(["ok"]),
    }
}

/// Runs the project and gives what differs from the release.
fn differences(release: &str) -> Vec<String> {
    let bed = bed();
    let run = fixtures().join("run.yml");
    let ran = bed.rplay(&[
        "-i",
        "localhost,",
        "-c",
        "local",
        "--compat",
        release,
        "--output",
        "json",
        &run.to_string_lossy(),
    ]);
    assert!(ran.stdout.starts_with('{'), "{}{}", ran.stdout, ran.stderr);
    let output: Value = serde_json::from_str(&ran.stdout).unwrap();
    let want = recorded(release);
    let mut out = Vec::new();
    for play in output["plays"].as_array().unwrap() {
        let name = play["play"]["name"].as_str().unwrap();
        for task in play["tasks"].as_array().unwrap() {
            let title = task["task"]["name"].as_str().unwrap();
            let got = outcome(&task["hosts"]["localhost"]);
            let want = &want["run"][name][title];
            let expected = DIFFERENT.contains(&(release, name, title));
            if (got == *want) == expected {
                out.push(format!("{release} / {name} / {title}: got {got}, want {want}"));
            }
        }
        let (ran, all) = (play["tasks"].as_array().unwrap().len(), want["run"][name].as_object().unwrap().len());
        if ran != all {
            out.push(format!("{release} / {name}: {ran} tasks ran, not {all}"));
        }
    }
    for (name, want) in want["load"].as_object().unwrap() {
        let file = fixtures().join(format!("load/{name}.yml"));
        let ran = bed.rplay(&["-i", "localhost,", "--syntax-check", "--compat", release, &file.to_string_lossy()]);
        let got = if ran.code == 0 { "ok" } else { "error" };
        let expected = LOADED.contains(&(release, name));
        if (got == want.as_str().unwrap()) == expected {
            out.push(format!("{release} / load / {name}: got {got}, want {want}: {}", ran.stderr));
        }
    }
    out
}

#[test]
fn a_release_that_is_named_is_followed() {
    let differences: Vec<String> = ["2.9", "2.11", "2.16", "2.19"].into_iter().flat_map(differences).collect();
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn without_a_release_every_releases_playbooks_load() {
    let bed = bed();
    for name in
        ["sudo", "su", "sudo_user_task", "user", "include_tasks_old", "include_playbook_old", "vars_list", "static"]
    {
        let file = fixtures().join(format!("load/{name}.yml"));
        let ran = bed.rplay(&["-i", "localhost,", "--syntax-check", &file.to_string_lossy()]);
        assert_eq!(ran.code, 0, "{name}: {}", ran.stderr);
    }
}

#[test]
fn the_release_comes_from_the_option_the_environment_the_settings_or_the_pins() {
    const PLAY: &str =
        "- hosts: localhost\n  gather_facts: false\n  tasks: [{debug: {msg: \"is {{ ansible_version.full }}\"}}]\n";
    let run = |bed: &rplay_testkit::TestBed, args: &[&str]| {
        let ran = bed.rplay(&[&["-i", "localhost,", "-c", "local", "site.yml"], args].concat());
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        let line = ran.stdout.lines().find_map(|line| line.trim().strip_prefix("\"msg\": \"is ")).unwrap().to_owned();
        (line.trim_end_matches('"').to_owned(), ran.stdout)
    };
    let bed = bed().file("site.yml", PLAY).file("requirements.txt", "ansible>=2.10,<2.11\n").file(".git/HEAD", "");
    assert_eq!(run(&bed, &[]).0, "2.19.14");
    assert_eq!(run(&bed, &["--compat", "2.16.3"]).0, "2.16.3");
    let (version, output) = run(&bed, &["--compat", "auto", "-v"]);
    assert_eq!(version, "2.10.17");
    assert!(output.contains("requirements.txt:1: ansible>=2.10,<2.11"), "{output}");
    let bed = bed.file("ansible.cfg", "[rplay]\ncompat = 2.9\n");
    assert_eq!(run(&bed, &[]).0, "2.9.27");
    let bed = bed.env("RPLAY_COMPAT", "2.11");
    assert_eq!(run(&bed, &[]).0, "2.11.12");
    let ran = bed.rplay(&["-i", "localhost,", "--compat", "3.1", "site.yml"]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
}

#[test]
fn warnings_of_templates_are_shown_once() {
    const PLAY: &str = "- hosts: all\n  gather_facts: false\n  vars: {word: x, flag: true}\n  tasks:\n    \
                        - {debug: , when: word}\n    - {debug: , when: '{{ flag }}'}\n";
    let bed = bed().file("site.yml", PLAY);
    let ran = bed.rplay(&["-i", "a,b,c", "-c", "local", "site.yml"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("Conditional result (True) was derived from value of type 'str'").count(), 1);
    let braces = "[DEPRECATION WARNING]: Conditionals should not be surrounded by templating delimiters";
    assert_eq!(ran.stderr.matches(braces).count(), 1, "{}", ran.stderr);
    let quiet = bed.file("ansible.cfg", "[defaults]\ndeprecation_warnings = false\n");
    let ran = quiet.rplay(&["-i", "a,b,c", "-c", "local", "site.yml"]);
    assert!(!ran.stderr.contains("Conditional result"), "{}", ran.stderr);
}
