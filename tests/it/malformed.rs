//! What is wrong is said with a place and a hint, and never with a panic.

use crate::bed;

/// One broken input: files, arguments (default: `site.yml`), and texts the output must hold.
struct Case {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    args: &'static [&'static str],
    want: &'static [&'static str],
}

const fn play(
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    want: &'static [&'static str],
) -> Case {
    Case { name, files, args: &["site.yml"], want }
}

const fn with(
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    args: &'static [&'static str],
    want: &'static [&'static str],
) -> Case {
    Case { name, files, args, want }
}

const GOOD: (&str, &str) = ("site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - debug: msg=hi\n");

#[rustfmt::skip]
const CASES: &[Case] = &[
    // YAML
    play("tab", &[("site.yml", "- hosts: localhost\n\ttasks: []\n")], &["site.yml:2:1", "tab"]),
    play("unclosed quote", &[("site.yml", "- hosts: \"localhost\n  tasks: []\n")], &["site.yml:", "quote"]),
    play("unclosed list", &[("site.yml", "- hosts: [a, b\n  tasks: []\n")], &["site.yml:"]),
    play("unquoted template", &[("site.yml", "- hosts: localhost\n  vars:\n    a: {{ b }}\n  tasks: []\n")], &["site.yml:3", "quote"]),
    play("missing space after colon", &[("site.yml", "- hosts: localhost\n  tasks:\n    - name:x\n      debug: msg=a\n")], &["site.yml:"]),
    play("wrong indentation", &[("site.yml", "- hosts: localhost\n  tasks:\n    - debug: msg=a\n   - debug: msg=b\n")], &["site.yml:4"]),
    play("two colons in a plain scalar", &[("site.yml", "- hosts: localhost\n  tasks:\n    - shell: echo a: b\n")], &["site.yml:3", "quote"]),
    play("unknown tag", &[("site.yml", "- hosts: localhost\n  vars:\n    a: !custom 1\n  tasks: []\n")], &["site.yml:3", "!custom"]),
    play("undefined alias", &[("site.yml", "- hosts: localhost\n  vars: *nope\n")], &["site.yml:2", "nope"]),
    play("two documents", &[("site.yml", "---\n- hosts: localhost\n---\n- hosts: localhost\n")], &["site.yml:3", "document"]),
    play("a control character", &[("site.yml", "- hosts: local\u{7}host\n")], &["site.yml:"]),
    play("empty playbook", &[("site.yml", "")], &["site.yml", "empty"]),
    play("a mapping for a playbook", &[("site.yml", "hosts: localhost\ntasks: []\n")], &["site.yml:1:1", "list"]),
    play("a text for a play", &[("site.yml", "- just text\n")], &["site.yml:1:3"]),
    // keywords
    play("unknown play keyword", &[("site.yml", "- hosts: localhost\n  taks: []\n")], &["site.yml:2:3", "taks", "did you mean"]),
    play("unknown task keyword", &[("site.yml", "- hosts: localhost\n  tasks:\n    - debug: msg=a\n      whne: true\n")], &["site.yml:4:7", "whne", "when"]),
    play("unknown block keyword", &[("site.yml", "- hosts: localhost\n  tasks:\n    - block: []\n      resuce: []\n")], &["site.yml:4:7", "resuce", "rescue"]),
    play("no hosts", &[("site.yml", "- tasks: []\n")], &["site.yml:1", "hosts"]),
    play("tasks is a mapping", &[("site.yml", "- hosts: localhost\n  tasks:\n    debug: msg=a\n")], &["site.yml:3", "list"]),
    play("a task without action", &[("site.yml", "- hosts: localhost\n  tasks:\n    - name: nothing\n")], &["site.yml:3", "no module/action"]),
    play("two actions", &[("site.yml", "- hosts: localhost\n  tasks:\n    - debug: msg=a\n      command: ls\n")], &["site.yml:", "conflicting action statements", "command"]),
    play("unknown module", &[("site.yml", "- hosts: localhost\n  tasks:\n    - dbug: msg=a\n")], &["site.yml:3:7", "dbug", "debug"]),
    play("a list as when of the wrong type", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - debug: msg=a\n      when: {a: b}\n")], &["site.yml:5"]),
    play("retries is text", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - command: 'true'\n      retries: many\n      until: true\n")], &["site.yml:5", "retries"]),
    play("become is text", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  become: maybe\n  tasks:\n    - debug: msg=a\n")], &["site.yml:3", "become"]),
    play("serial is a mapping", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  serial: {a: 1}\n  tasks:\n    - debug: msg=a\n")], &["site.yml:", "serial"]),
    play("strategy unknown", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  strategy: linaer\n  tasks:\n    - debug: msg=a\n")], &["site.yml:3", "linaer", "linear"]),
    play("unknown loop_control", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - debug: msg=a\n      loop: [1]\n      loop_control: {loop_vra: x}\n")], &["site.yml:6", "loop_vra", "loop_var"]),
    play("two loops", &[("site.yml", "- hosts: localhost\n  tasks:\n    - debug: msg=a\n      loop: [1]\n      with_items: [2]\n")], &["site.yml:", "loop"]),
    play("accelerate", &[("site.yml", "- hosts: localhost\n  accelerate: true\n  tasks: []\n")], &["site.yml:2:3", "accelerate"]),
    play("a module's option beside the module", &[("site.yml", "- hosts: localhost\n  tasks:\n    - file:\n        path: /tmp/x\n      state: directory\n")], &["site.yml:5:7", "state", "file"]),
    play("vars is text", &[("site.yml", "- hosts: localhost\n  vars: abc\n  tasks: []\n")], &["site.yml:2", "vars"]),
    play("an invalid variable name", &[("site.yml", "- hosts: localhost\n  vars: {'a b': 1}\n  tasks: []\n")], &["site.yml:2", "a b"]),
    play("roles is text", &[("site.yml", "- hosts: localhost\n  roles: web\n")], &["site.yml:2", "list"]),
    play("tags of the wrong type", &[("site.yml", "- hosts: localhost\n  tasks:\n    - debug: msg=a\n      tags: {a: 1}\n")], &["site.yml:4", "tags"]),
    // files
    with("playbook missing", &[], &["nope.yml"], &["nope.yml"]),
    with("playbook is a folder", &[("x/y", "")], &["x"], &["x"]),
    play("role missing", &[("site.yml", "- hosts: localhost\n  roles: [nope]\n")], &["site.yml:2", "the role 'nope' was not found"]),
    play("a role name that is nearly right", &[("site.yml", "- hosts: localhost\n  roles: [wbe]\n"), ("roles/web/tasks/main.yml", "[]\n")], &["site.yml:2", "web"]),
    play("import_tasks missing", &[("site.yml", "- hosts: localhost\n  tasks:\n    - import_tasks: nope.yml\n")], &["site.yml:3", "nope.yml"]),
    play("include_tasks missing", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - include_tasks: nope.yml\n")], &["site.yml:4", "nope.yml"]),
    play("import_playbook missing", &[("site.yml", "- import_playbook: nope.yml\n")], &["site.yml:1", "nope.yml"]),
    play("vars_files missing", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  vars_files: [nope.yml]\n  tasks:\n    - debug: msg=a\n")], &["nope.yml"]),
    play("vars_files broken", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  vars_files: [v.yml]\n  tasks:\n    - debug: msg=a\n"), ("v.yml", "a: [1\n")], &["v.yml:"]),
    play("vars_files is a list", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  vars_files: [v.yml]\n  tasks:\n    - debug: msg=a\n"), ("v.yml", "- a\n")], &["v.yml"]),
    play("copy source missing", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - copy: {src: nope, dest: /tmp/rplay-never}\n")], &["site.yml:4", "nope"]),
    play("template missing", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - template: {src: nope.j2, dest: /tmp/rplay-never}\n")], &["site.yml:4", "nope.j2"]),
    play("cyclic import_tasks", &[("site.yml", "- hosts: localhost\n  tasks:\n    - import_tasks: a.yml\n"), ("a.yml", "- import_tasks: b.yml\n"), ("b.yml", "- import_tasks: a.yml\n")], &["a.yml", "b.yml"]),
    play("cyclic import_playbook", &[("site.yml", "- import_playbook: site.yml\n")], &["site.yml:1"]),
    play("cyclic role dependencies", &[("site.yml", "- hosts: localhost\n  roles: [a]\n"), ("roles/a/meta/main.yml", "dependencies: [b]\n"), ("roles/b/meta/main.yml", "dependencies: [a]\n")], &["a", "b", "meta/main.yml"]),
    play("broken role tasks", &[("site.yml", "- hosts: localhost\n  roles: [a]\n"), ("roles/a/tasks/main.yml", "- name: x\n  debug\n")], &["roles/a/tasks/main.yml:"]),
    // templates and variables
    play("undefined variable", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  vars: {package: 1}\n  tasks:\n    - debug: msg={{ pakcage }}\n")], &["site.yml:5", "'pakcage' is undefined"]),
    play("undefined attribute", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  vars: {a: {b: 1}}\n  tasks:\n    - debug: msg={{ a.c }}\n")], &["site.yml:5", "'c'"]),
    play("undefined in when", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - debug: msg=a\n      when: nope\n")], &["site.yml:5", "'nope' is undefined"]),
    play("unknown filter", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - debug: msg=\"{{ 'a' | uper }}\"\n")], &["site.yml:4", "uper", "upper"]),
    play("unknown test", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - debug: msg=a\n      when: 1 is definde\n")], &["site.yml:5", "definde", "defined"]),
    play("unknown lookup", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - debug: msg=\"{{ lookup('flie', 'x') }}\"\n")], &["site.yml:4", "flie", "file"]),
    play("template syntax", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - debug: msg=\"{{ 1 + }}\"\n")], &["site.yml:4"]),
    play("unclosed block", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - debug:\n        msg: \"{% if true %}a\"\n")], &["site.yml:5"]),
    play("cyclic variables", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  vars: {a: '{{ b }}', b: '{{ a }}'}\n  tasks:\n    - debug: msg={{ a }}\n")], &["site.yml:", "ecursive loop"]),
    play("a filter's wrong argument", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - debug: msg=\"{{ [1] | combine({}) }}\"\n")], &["site.yml:4"]),
    play("loop over a text", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - debug: msg=a\n      loop: abc\n")], &["site.yml:", "list"]),
    play("broken template file", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - template: {src: a.j2, dest: /tmp/rplay-never}\n"), ("templates/a.j2", "ok\n{% for %}\n")], &["a.j2:2"]),
    // arguments
    play("unknown module option", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - file: {pth: /tmp/x, state: touch}\n")], &["site.yml:4", "pth", "path"]),
    play("missing module option", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - copy: {content: a}\n")], &["site.yml:4", "dest"]),
    play("a wrong choice", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - file: {path: /tmp/x, state: folder}\n")], &["site.yml:4", "state", "directory"]),
    play("options that exclude each other", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - copy: {content: a, src: b, dest: /tmp/x}\n")], &["site.yml:4", "content", "src"]),
    play("unbalanced key=value", &[("site.yml", "- hosts: localhost\n  tasks:\n    - copy: src='a dest=b\n")], &["site.yml:3", "quote"]),
    // inventory
    with("inventory missing", &[GOOD], &["site.yml", "-i", "nope"], &["nope"]),
    with("broken INI section", &[GOOD, ("hosts", "[web\na\n")], &["site.yml", "-i", "hosts"], &["hosts:1"]),
    with("INI children of nothing", &[GOOD, ("hosts", "[web:children]\nnope\n")], &["site.yml", "-i", "hosts"], &["hosts", "nope"]),
    with("INI unknown section kind", &[GOOD, ("hosts", "[web:chidlren]\na\n")], &["site.yml", "-i", "hosts"], &["hosts:1", "children"]),
    with("INI cycle", &[GOOD, ("hosts", "[a:children]\nb\n[b:children]\na\n")], &["site.yml", "-i", "hosts"], &["hosts", "loop"]),
    with("INI wrong range", &[GOOD, ("hosts", "web[1:]\n")], &["site.yml", "-i", "hosts"], &["hosts:1"]),
    with("YAML inventory with a list of hosts", &[GOOD, ("hosts.yml", "all:\n  hosts: [a]\n")], &["site.yml", "-i", "hosts.yml"], &["hosts.yml", "hosts"]),
    with("group_vars broken", &[GOOD, ("hosts", "localhost ansible_connection=local\n"), ("group_vars/all.yml", "a: [\n")], &["site.yml", "-i", "hosts"], &["group_vars/all.yml:"]),
    with("limit without hosts", &[GOOD], &["site.yml", "-i", "a,b", "-l", "nope"], &["nope"]),
    // command line, configuration, vault
    with("extra vars that are no mapping", &[GOOD], &["site.yml", "-e", "[1]"], &["dictionary", "hint"]),
    with("extra vars file missing", &[GOOD], &["site.yml", "-e", "@nope.yml"], &["nope.yml"]),
    with("extra vars file broken", &[GOOD, ("v.yml", "a: 'x\n")], &["site.yml", "-e", "@v.yml"], &["v.yml:"]),
    with("an option that is refused", &[GOOD], &["site.yml", "--scp-extra-args", "-l 9"], &["--scp-extra-args"]),
    with("an option that does not exist", &[GOOD], &["site.yml", "--chekc"], &["--chekc", "--check"]),
    with("a wrong setting", &[GOOD, ("ansible.cfg", "[defaults]\nforks = many\n")], &["site.yml"], &["ansible.cfg:2", "forks", "many"]),
    with("a config file without sections", &[GOOD, ("ansible.cfg", "forks = 5\n")], &["site.yml"], &["ansible.cfg:1", "section"]),
    play("vault without a password", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  vars:\n    a: !vault |\n      $ANSIBLE_VAULT;1.1;AES256\n      3661\n  tasks:\n    - debug: msg={{ a }}\n")], &["site.yml:", "ault"]),
    with("a damaged vault file", &[("site.yml", "- hosts: localhost\n  gather_facts: false\n  vars_files: [v.yml]\n  tasks:\n    - debug: msg=a\n"), ("v.yml", "$ANSIBLE_VAULT;1.1;AES256\n36613\n"), ("pw", "x\n")], &["site.yml", "--vault-password-file", "pw"], &["v.yml", "ault"]),
    with("a vault password file that is missing", &[GOOD], &["site.yml", "--vault-password-file", "nope"], &["nope"]),
];

#[test]
fn broken_inputs_are_explained_where_they_are_broken() {
    assert!(CASES.len() >= 60, "{} cases", CASES.len());
    let mut bad = Vec::new();
    for case in CASES {
        let bed = case.files.iter().fold(bed(), |bed, (name, text)| bed.file(name, text));
        let ran = bed.rplay(case.args);
        let text = ran.to_string();
        let missing: Vec<&&str> = case.want.iter().filter(|want| !text.contains(**want)).collect();
        if ran.code == 0 || ran.code == 250 || text.contains("panicked") || !missing.is_empty() {
            bad.push(format!("== {}: missing {missing:?}\n{text}\n", case.name));
        }
    }
    assert!(bad.is_empty(), "{} of {} cases:\n{}", bad.len(), CASES.len(), bad.join("\n"));
}
