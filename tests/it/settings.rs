//! Settings of ansible.cfg that reach into templates.

use crate::bed;

const PLAY: &str = "- hosts: localhost
  gather_facts: false
  tasks:
    - template: {src: t.j2, dest: '{{ playbook_dir }}/out'}
    - debug: msg={{ lookup('template', 't.j2') | trim }}
";

#[test]
fn what_manages_a_file_is_said_as_the_setting_has_it() {
    let bed = bed()
        .file("ansible.cfg", "[defaults]\nansible_managed = Managed {file} on {host} by {uid}, %%d is %d\n")
        .file("t.j2", "{{ ansible_managed }}\n")
        .file("site.yml", PLAY);
    let run = bed.rplay(&["site.yml", "-i", "localhost,", "-c", "local"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(!run.stderr.contains("no effect"), "{run}");
    let out = bed.read("out");
    let wanted = fancy_regex::Regex::new(r"^Managed t\.j2 on \S+ by \S+, %d is \d\d\n$").unwrap();
    assert!(wanted.is_match(&out).unwrap(), "{out}");
    assert!(run.stdout.contains(out.trim()), "{run}");
}

#[test]
fn the_log_has_every_message_that_is_shown() {
    let bed = bed()
        .file("ansible.cfg", "[defaults]\nlog_path = run.log\n")
        .file(
            "site.yml",
            "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - debug: msg=hello\n    - fail: msg=no\n      ignore_errors: true\n    - debug: msg={{ secret }}\n      no_log: true\n      vars: {secret: xyzzy}\n",
        );
    let run = bed.rplay(&["site.yml", "-i", "localhost,", "-c", "local"]);
    assert_eq!(run.code, 0, "{run}");
    let log = bed.read("run.log");
    let stamp = fancy_regex::Regex::new(r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} p=\d+ u=\S+ n=ansible ").unwrap();
    let log = stamp.replace_all(&log, "").replace(&bed.path().display().to_string(), "[DIR]");
    insta::assert_snapshot!(log);
    assert!(!log.contains("xyzzy"));

    let run =
        bed.file("ansible.cfg", "[defaults]\nlog_path = nowhere/run.log\n").rplay(&["site.yml", "-i", "localhost,"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stderr.contains("nothing is logged: "), "{run}");
}

#[test]
fn nothing_is_shown_when_the_setting_says_so() {
    let play = "- hosts: localhost
  gather_facts: false
  tasks:
    - debug: msg=first
    - debug: msg={{ item }}
      loop: [second]
    - debug: msg=third
      no_log: false
";
    let bed = bed().file("ansible.cfg", "[defaults]\nno_log = true\n").file("site.yml", play);
    let run = bed.rplay(&["site.yml", "-i", "localhost,", "-c", "local", "-v"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(!run.stdout.contains("first") && !run.stdout.contains("second"), "{run}");
    assert!(run.stdout.contains("third"), "{run}");
}
