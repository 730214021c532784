//! Collections on disk in whole runs: full names on the command line, tombstones, deprecations, groups.

use crate::bed;

const RUNTIME: &str = "plugin_routing:
  modules:
    tell: {redirect: ansible.builtin.debug, deprecation: {removal_version: 9.0.0, warning_text: Use debug.}}
    gone: {tombstone: {removal_version: 1.0.0, warning_text: Use debug.}}
action_groups:
  talk: [tell]
";

fn tools() -> rplay_testkit::TestBed {
    bed()
        .file("all/ansible_collections/our/tools/meta/runtime.yml", RUNTIME)
        .file(
            "all/ansible_collections/our/tools/playbooks/site.yml",
            "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - tell: {msg: hello}\n    - tell: {msg: again}\n",
        )
        .file("ansible.cfg", "[defaults]\ncollections_path = all\n")
}

#[test]
fn a_playbook_of_a_collection_runs_by_its_full_name() {
    let ran = tools().rplay(&["our.tools.site"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stdout.contains("\"msg\": \"hello\""), "{ran}");
    // Once, however often the name is used.
    let warning = "our.tools.tell has been deprecated. Use debug. This feature will be removed from collection 'our.tools' version 9.0.0.";
    let said = format!("{}{}", ran.stdout, ran.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(said.matches(warning).count(), 1, "{ran}");
    let listed = tools().rplay(&["our.tools.site", "--list-tasks"]);
    assert!(listed.stdout.contains("playbooks/site.yml") && listed.stdout.contains("tell"), "{listed}");
}

#[test]
fn what_was_removed_and_what_is_nowhere_is_refused_when_the_playbook_is_read() {
    let play = |task: &str, defaults: &str| format!("- hosts: localhost\n{defaults}  tasks:\n    - {task}\n");
    let cases = [
        (
            "our.tools.gone:",
            "",
            "The 'our.tools.gone' module has been removed. Use debug. This feature was removed from collection 'our.tools' version 1.0.0.",
        ),
        ("our.tools.none:", "", "couldn't resolve module/action 'our.tools.none'."),
        (
            "debug:",
            "  module_defaults: {group/our.tools.none: {}}\n",
            "could not resolve the module_defaults group our.tools.none",
        ),
        ("debug:", "  module_defaults: {dbeug: {}}\n", "Could not resolve action dbeug in module_defaults"),
    ];
    for (task, defaults, message) in cases {
        let ran = tools().file("site.yml", &play(task, defaults)).rplay(&["--syntax-check", "site.yml"]);
        assert_eq!(ran.code, 4, "{ran}");
        assert!(ran.stderr.contains(message), "{message}: {ran}");
    }
}
