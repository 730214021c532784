//! Each rule finds what it is about, and says what to write.
#![expect(clippy::unwrap_used, reason = "functions of a test are tests too")]

use std::path::Path;

use rplay_diag::Sources;
use rplay_lint::{Lint, Options, rules};
use rplay_value::Version;

/// `line:column level rule (since): replacement` for every finding of a file.
fn found(path: &str, text: &str, options: Options) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, text).unwrap();
    let sources = Sources::new();
    let mut lint = Lint::new(sources.clone(), options);
    lint.add(folder.path()).unwrap();
    let findings = lint.finish();
    assert!(findings.iter().all(|finding| rules().any(|rule| rule == finding.rule)));
    let records = findings.iter().map(|finding| finding.record(&sources));
    records
        .map(|r| {
            assert!(Path::new(&r.file).ends_with(path));
            let level = format!("{:?}", r.level).to_lowercase();
            let replacement = r.replacement.map_or_else(String::new, |text| format!(": {text}"));
            format!("{}:{} {level} {} ({}){replacement}", r.line, r.column, r.rule, r.since)
        })
        .collect()
}

fn strict(path: &str, text: &str) -> Vec<String> {
    found(path, text, Options::default())
}

#[test]
fn keywords_that_went() {
    let play = "- hosts: all
  sudo: true
  accelerate: true
  vars: [{a: 1}]
  roles:
    - {role: x, sudo_user: y, first_available_file: parameter}
  tasks:
    - include: a.yml
    - include: '{{ b }}.yml'
    - include: c.yml x=1
    - {debug: , always_run: true}
- include: other.yml
";
    assert_eq!(
        strict("site.yml", play),
        [
            "2:3 error removed-keyword (2.9): become",
            "3:3 error removed-keyword (2.6)",
            "4:9 error vars-list (2.19)",
            "6:17 error removed-keyword (2.9): become_user",
            "8:7 error include (2.16): import_tasks",
            "9:7 error include (2.16): include_tasks",
            "10:7 error include (2.16)",
            "11:17 error removed-keyword (2.7): check_mode: false",
            "12:3 error include (2.16): import_playbook",
        ]
    );
    let old = Options { release: Version::new(2, 8), info: false };
    assert_eq!(found("site.yml", "- hosts: all\n  sudo: true\n  tasks: [{include: a.yml}]\n", old), [""; 0]);
}

#[test]
fn conditions() {
    let tasks = "- debug:
  when: result | failed
- debug:
  when:
    - a is defined and a | length
    - out.stdout
    - a == 1
    - ''
    - 5
    - '{{ a }}'
    - '{{ a }} == 1'
    - a == '{{ b }}'
    - a | bool
    - a ==
  changed_when: false
- assert: {that: [a | length]}
";
    assert_eq!(
        strict("roles/r/tasks/main.yml", tasks),
        [
            "2:9 error test-as-filter (2.9): result is failed",
            "5:7 error condition-type (2.19)",
            "6:7 warning condition-type (2.19): out.stdout | length > 0",
            "8:7 error empty-condition (2.19)",
            "9:7 error condition-type (2.19)",
            "10:7 warning template-in-condition (2.3): a",
            "11:7 error template-in-condition (2.19): a == 1",
            "12:7 warning template-in-condition (2.3): b",
            "14:9 error template-syntax (1.9)",
            "16:19 error condition-type (2.19): a | length > 0",
        ]
    );
}

#[test]
fn loops() {
    let tasks = "- set_fact: {names: [a]}
- {debug: , with_items: names}
- {debug: , with_items: httpd}
- {debug: , with_dict: users}
- {debug: , with_subelements: [people, keys]}
- {debug: , loop: names}
- {debug: , loop: {a: 1}}
- {debug: , loop: '{{ names }}', with_fileglob: names}
";
    assert_eq!(
        strict("tasks/main.yml", tasks),
        [
            "2:25 error bare-loop (2.2): \"{{ names }}\"",
            "4:24 error bare-loop (2.2): \"{{ users }}\"",
            "5:32 error bare-loop (2.2): \"{{ people }}\"",
            "6:19 error loop-type (2.5): \"{{ names }}\"",
            "7:19 error loop-type (2.5)",
        ]
    );
}

#[test]
fn templates_and_their_files() {
    let text = "#jinja2: trim_blocks: \"true\", lstrip_blocks: True
{% for k, v in d.iteritems() %}{% set _ = d.__setitem__(k, v) %}{% endfor %}
{{ x | failed }} {{ '1.2' | version_compare('1', '>') }} {{ a | json_query('b') }}
";
    assert_eq!(
        strict("templates/x.j2", text),
        [
            "1:9 error jinja2-header (2.19): trim_blocks: True",
            "2:16 error python2-method (2.12): items",
            "2:43 error private-attribute (2.19)",
            "3:4 error test-as-filter (2.9): x is failed",
            "3:21 error test-as-filter (2.9): '1.2' is version_compare('1', '>')",
            "3:61 warning moved-filter (2.10): community.general.json_query",
        ]
    );
    assert_eq!(strict("templates/y.j2", "a\n{% if %}\n"), ["2:7 error template-syntax (1.9)"]);
    assert_eq!(
        strict("vars/main.yml", "a: '{{ range(3) }}'\nb: 1\nb: 2\nc-d: 1\n"),
        ["1:4 error range-result (2.19): {{ range(3) | list }}", "3:1 warning duplicate-key (2.1)",]
    );
}

#[test]
fn modules_and_inventories() {
    let tasks = "- shell: ls warn=no
- command: ls
  args: {warn: false, chdir: /}
- stat: {pth: /x}
- ini_file: {path: /x, section: a}
- local_action: shell ls
";
    let all = Options { info: true, ..Options::default() };
    assert_eq!(
        found("tasks/main.yml", tasks, all.clone()),
        [
            "1:10 error removed-option (2.14)",
            "3:10 error removed-option (2.14)",
            "4:10 error unknown-option (1.9): path",
            "5:3 warning moved-module (2.10): community.general.ini_file",
            "6:3 info action-text (2.0)",
        ]
    );
    assert_eq!(
        found("inventory/hosts", "[a-b]\nh ansible_ssh_host=1.2.3.4\n[c:children]\na-b\n", all),
        ["1:2 warning group-name (2.8): a_b", "2:3 info legacy-variable (2.0): ansible_host"]
    );
    assert_eq!(strict("x/hosts.yml", "all: {children: {web-1: }}\n"), ["1:18 warning group-name (2.8): web_1"]);
}

#[test]
fn names_of_variables() {
    let play = "- hosts: all\n  vars: {a-b: 1, c: 2}\n";
    assert_eq!(strict("x.yml", play), ["2:10 error variable-name (1.9): a_b"]);
    // Files of variables may hold data by any name.
    assert_eq!(strict("vars/main.yml", "a-b: 1\n"), [""; 0]);
}

#[test]
fn what_is_not_ansibles_is_left_alone() {
    assert_eq!(strict("ci/jobs.yml", "- job: {name: a, sudo: true}\n- when: ''\n"), [""; 0]);
    assert_eq!(strict("files/x.yml", "- hosts: all\n  sudo: true\n"), [""; 0]);
    assert_eq!(strict("settings.yml", "a: !lookup b\nc: [\n"), [""; 0]);
    assert_eq!(strict("tasks/main.yml", "- a: [\n").len(), 1);
}
