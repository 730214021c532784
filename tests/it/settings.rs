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
