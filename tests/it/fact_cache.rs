//! Facts that outlive a run.

use crate::bed;

const PLAY: &str = "- hosts: all
  tasks:
    - set_fact: {cacheable: true, kept: 'from the first run', template: \"{{ '{{ nope }}' }}\"}
    - set_fact: {lost: 1}
";

const AGAIN: &str = "- hosts: all
  gather_facts: false
  tasks:
    - debug: msg=\"{{ kept | default('-') }} {{ lost | default('-') }} {{ ansible_facts.kept | default('-') }} {{ template | default('-') }}\"
    - debug: msg=\"{{ 'gathered' if ansible_facts.system is defined else 'nothing' }} {{ ansible_system is defined }}\"
";

fn config(kind: &str, more: &str) -> String {
    let path = if kind == "sqlite" { "cache/facts.db" } else { "cache" };
    format!("[defaults]\nfact_caching = {kind}\nfact_caching_connection = {path}\ngathering = smart\n{more}")
}

/// The messages of a run's `debug` tasks and how many tasks gathered facts.
fn messages(bed: &rplay_testkit::TestBed, args: &[&str]) -> (Vec<String>, usize) {
    let ran = bed.rplay(args);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let messages = ran.stdout.lines().filter_map(|line| line.trim().strip_prefix("\"msg\": "));
    (messages.map(|text| text.trim_matches('"').to_owned()).collect(), ran.stdout.matches("Gathering Facts").count())
}

const RUN: [&str; 6] = ["-i", "localhost,", "-c", "local", "site.yml", "--forks=1"];
const LATER: [&str; 6] = ["-i", "localhost,", "-c", "local", "again.yml", "--forks=1"];

fn prepared(kind: &str, more: &str) -> rplay_testkit::TestBed {
    let bed = bed().file("ansible.cfg", &config(kind, more)).file("site.yml", PLAY).file("again.yml", AGAIN);
    let (_, gathered) = messages(&bed, &RUN);
    assert_eq!(gathered, 1);
    bed
}

#[test]
fn a_later_run_knows_the_facts_and_does_not_gather_again() {
    for kind in ["jsonfile", "sqlite"] {
        let bed = prepared(kind, "");
        let (said, _) = messages(&bed, &LATER);
        assert_eq!(said, ["from the first run - from the first run {{ nope }}", "gathered True"], "{kind}");
        // Smart gathering: the facts are there.
        assert_eq!(messages(&bed, &RUN).1, 0, "{kind}");
        let (said, _) = messages(&bed, &[&LATER[..], &["--flush-cache"]].concat());
        assert_eq!(said, ["- - - -", "nothing False"], "{kind}");
        assert_eq!(messages(&bed, &RUN).1, 1, "{kind}");
    }
}

#[test]
fn files_have_the_names_and_the_shape_that_ansible_gives_them() {
    let bed = prepared("jsonfile", "fact_caching_prefix = pre_\n");
    let text = bed.read("cache/pre_s1_localhost");
    assert!(text.starts_with("{\"__payload__\": \"{\\\""), "{text}");
    assert!(text.contains("\\\"_ansible_facts_gathered\\\": true"));
    assert!(text.contains("\\\"template\\\": \\\"{{ nope }}\\\""));
    assert!(!text.contains("lost"));
}

#[test]
fn clear_facts_empties_the_cache_and_old_facts_do_not_count() {
    let bed = prepared("jsonfile", "fact_caching_timeout = 1\n");
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(messages(&bed, &LATER).0, ["- - - -", "nothing False"]);
    let bed = prepared("jsonfile", "")
        .file("clear.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n    - meta: clear_facts\n");
    messages(&bed, &["-i", "localhost,", "-c", "local", "clear.yml"]);
    assert!(!bed.join("cache/s1_localhost").exists());
}

#[test]
fn what_is_broken_is_said_and_removed() {
    let bed = prepared("jsonfile", "").file("cache/s1_localhost", "{broken");
    let ran = bed.rplay(&LATER);
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("was corrupt, or did not otherwise contain valid data"), "{}", ran.stderr);
    assert!(ran.stdout.contains("nothing False"));
    assert!(!bed.join("cache/s1_localhost").exists());
}

#[test]
fn a_cache_that_cannot_be_had_is_a_warning() {
    let bed = bed().file("again.yml", AGAIN).file("ansible.cfg", "[defaults]\nfact_caching = jsonfiel\n");
    let ran = bed.rplay(&LATER);
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("Unable to load the cache plugin 'jsonfiel'."), "{}", ran.stderr);
    assert!(ran.stderr.contains("did you mean `jsonfile`"), "{}", ran.stderr);
    let bed = bed.file("ansible.cfg", "[defaults]\nfact_caching = jsonfile\n");
    assert!(bed.rplay(&LATER).stderr.contains("Required config '_uri' for 'jsonfile'"));
}

#[test]
fn facts_are_no_variables_of_their_own_when_that_is_turned_off() {
    let bed = prepared("jsonfile", "inject_facts_as_vars = false\n");
    assert_eq!(messages(&bed, &LATER).0, ["- - from the first run -", "gathered False"]);
}
