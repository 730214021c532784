//! Loops whose items are sent ahead or in parallel give what they give one after the other.

use std::time::{Duration, Instant};

use rplay_testkit::TestBed;

use crate::bed;

/// A loop: a task without its name and register.
struct Case {
    name: &'static str,
    task: &'static str,
    /// Its items may be at work at once with the same result.
    free: bool,
}

const fn case(name: &'static str, task: &'static str) -> Case {
    Case { name, task, free: true }
}

/// Items of this one depend on the ones before.
const fn chain(name: &'static str, task: &'static str) -> Case {
    Case { name, task, free: false }
}

/// Every task works in the folder `dir`; `{{ NAME }}` is the registered variable's own name.
const CASES: &[Case] = &[
    case("list", "command: echo {{ item }}\nloop: [c, a, b, a]"),
    case("many", "command: echo {{ item }}\nloop: '{{ range(40) | list }}'"),
    case("files", "copy: {content: '{{ item }}', dest: '{{ dir }}/{{ item }}'}\nloop: '{{ range(30) | list }}'"),
    case("stat", "stat: {path: '{{ item }}'}\nloop: [/etc/passwd, /nowhere, /etc/group, /etc]"),
    case("when", "command: echo {{ item }}\nloop: [1, 2, 3, 4, 5]\nwhen: item is odd"),
    case("all skipped", "command: echo {{ item }}\nloop: [1, 2]\nwhen: item > 2"),
    case("failures", "shell: exit {{ item }}\nloop: [0, 1, 2, 0]\nignore_errors: true"),
    case(
        "failed_when",
        "shell: exit {{ item }}\nloop: [0, 1, 2]\nfailed_when: NAME.rc == 2\nchanged_when: item == 1\nignore_errors: true",
    ),
    case("undefined", "command: echo {{ item.x }}\nloop: [{x: 1}, {}, {x: 3}]\nignore_errors: true"),
    case(
        "until",
        "shell: echo x >> {{ dir }}/{{ item }}; test $(wc -l < {{ dir }}/{{ item }}) -ge {{ item }}\nloop: [1, 2, 3]\nuntil: NAME.rc == 0\nretries: 5\ndelay: 0.01",
    ),
    case("dict", "command: echo {{ item.key }} {{ item.value }}\nwith_dict: {a: 1, b: 2}"),
    case("nested", "command: echo {{ item.0 }} {{ item.1 }}\nwith_nested: [[a, b], [1, 2]]"),
    case("sequence", "command: echo {{ item }}\nwith_sequence: start=1 end=9 stride=4"),
    case("indexed", "command: echo {{ item.0 }} {{ item.1 }}\nwith_indexed_items: [a, b]"),
    case(
        "subelements",
        "command: echo {{ item.0.n }} {{ item.1 }}\nwith_subelements: [[{n: 1, l: [a, b]}, {n: 2, l: [c]}], l]",
    ),
    case("together", "command: echo {{ item.0 }}{{ item.1 }}\nwith_together: [[a, b], [1, 2]]"),
    case(
        "control",
        "command: echo {{ x }} {{ i }} {{ ansible_loop.index }} {{ ansible_loop.previtem | default('-') }} {{ ansible_loop.nextitem | default('-') }}\nloop: [a, b, c]\nloop_control: {loop_var: x, index_var: i, extended: true, label: 'no {{ i }}', MORE}",
    ),
    case("template", "template: {src: t.j2, dest: '{{ dir }}/{{ item }}'}\nloop: [a, b, c]"),
    case("a folder", "copy: {src: '{{ item }}/', dest: '{{ dir }}/{{ item }}'}\nloop: [f1, f2]"),
    case("async", "shell: echo {{ item }}\nloop: [a, b]\nasync: 20\npoll: 1"),
    case("debug", "debug: {msg: '{{ item }}'}\nloop: [a, b]"),
    case(
        "delegated",
        "command: echo {{ item }} {{ inventory_hostname }}\nloop: [other, one]\ndelegate_to: '{{ item }}'",
    ),
    case("delegate's facts", "command: echo {{ item }}\nloop: [a, b]\ndelegate_to: other\ndelegate_facts: true"),
    case("assert", "assert: {that: item < 3}\nloop: [1, 2, 3]\nignore_errors: true"),
    case("a bad module", "command: /no/such/program {{ item }}\nloop: [1, 2]\nignore_errors: true"),
    chain("order", "shell: echo {{ item }} >> {{ dir }}/order; cat {{ dir }}/order\nloop: '{{ range(30) | list }}'"),
    chain(
        "the result before",
        "command: echo {{ item }}{{ (NAME | default({})).stdout | default('-') }}\nloop: [a, b, c]",
    ),
    chain(
        "the result before, through a variable",
        "command: echo {{ item }}{{ before }}\nvars: {before: \"{{ (NAME | default({})).stdout | default('-') }}\"}\nloop: [a, b, c]",
    ),
    chain(
        "the result before, by name",
        "command: echo {{ item }}{{ (lookup('vars', 'NAME', default={})).stdout | default('-') }}\nloop: [a, b, c]",
    ),
    chain(
        "a condition on the result before",
        "command: echo {{ item }}\nwhen: NAME is not defined or NAME is skipped or item != 'b'\nloop: [a, b, b, c]",
    ),
    chain("facts", "set_fact: {count: '{{ count | default(0) | int + item }}'}\nloop: [1, 2, 3]"),
    chain(
        "a file that a lookup reads",
        "copy: {content: \"{{ item }}{{ lookup('file', '/tmp/rplay-loops/f', errors='ignore') }}\", dest: /tmp/rplay-loops/f}\nloop: [a, b, c]",
    ),
    chain(
        "big and small files",
        "copy: {content: '{{ \"x\" * (item * 50000) }}{{ item }}', dest: '{{ dir }}/same'}\nloop: [1, 3, 2, 0, 4]",
    ),
    chain("a folder over a file", "copy: {src: '{{ item }}', dest: '{{ dir }}/'}\nloop: [f1/, one, f2/, one]"),
];

/// Runs each loop one after the other, ahead and in parallel, and compares results and files.
fn play(cases: &[Case]) -> String {
    let mut out = "- hosts: one\n  gather_facts: false\n  vars: {dir: /tmp/rplay-loops}\n  tasks:\n".to_owned();
    for case in cases {
        // A timeout that is none keeps items from being sent ahead.
        let mut ways = vec![("turn", "timeout: 0", ""), ("ahead", "", "")];
        if case.free {
            ways.extend([("two", "", "parallel: 2"), ("all", "", "parallel: 50")]);
        }
        for (way, line, control) in &ways {
            // One name, so that results are equal even where the name is in them.
            let mut task = case
                .task
                .replace("NAME", "result")
                .replace("MORE", if control.is_empty() { "pause: 0" } else { control });
            if !control.is_empty() && !case.task.contains("MORE") {
                task.push_str(&format!("\nloop_control: {{{control}}}"));
            }
            out.push_str("    - shell: rm -rf {{ dir }}; mkdir {{ dir }}\n      no_log: true\n");
            out.push_str(&format!("    - name: {} {way}\n      register: result\n", case.name));
            for line in task.lines().chain([*line]).filter(|line| !line.is_empty()) {
                out.push_str(&format!("      {line}\n"));
            }
            out.push_str(&format!(
                "    - set_fact:
        kept_{way}: \"{{{{ result.results | map('dict2items') | map('rejectattr', 'key', 'in', ['start', 'end', 'delta', 'ansible_job_id', 'results_file', 'invocation', 'stat']) | map('items2dict') }}}}\"
        stats_{way}: \"{{{{ result.results | map(attribute='stat', default={{}}) | map(attribute='size', default=0) }}}}\"
        whole_{way}: \"{{{{ result.msg }}}} {{{{ result is failed }}}} {{{{ result is changed }}}} {{{{ result is skipped }}}}\"
    - shell: cd {{{{ dir }}}}; find . | sort; find . -type f -print0 | sort -z | xargs -0r cat
      register: files_{way}
"
            ));
            // What a later way must not see.
            out.push_str("    - set_fact: {count: 0}\n");
        }
        for (way, ..) in &ways[1..] {
            out.push_str(&format!(
                "    - assert:
        that:
          - kept_{way} == kept_turn
          - stats_{way} == stats_turn
          - whole_{way} == whole_turn
          - files_{way}.stdout == files_turn.stdout or {} and '{way}' in ['two', 'all']
        fail_msg: \"{}: {{{{ kept_turn }}}} and {way}: {{{{ kept_{way} }}}}; {{{{ files_turn.stdout }}}} and {{{{ files_{way}.stdout }}}}\"
",
                !case.free, case.name
            ));
        }
    }
    out
}

pub(crate) fn with_files(bed: TestBed) -> TestBed {
    let mut bed = bed.file("site.yml", &play(CASES)).file("templates/t.j2", "{{ item }} {{ result is defined }}\n");
    for folder in ["f1", "f2"] {
        for file in ["one", "three", "two"] {
            bed = bed.file(&format!("files/{folder}/{file}"), &format!("{folder} {file}\n"));
        }
    }
    bed.file("files/one", "alone\n")
}

#[test]
fn items_ahead_and_in_parallel_are_equal_to_items_one_after_the_other() {
    let bed = with_files(bed()).file("hosts", "one ansible_connection=local\nother ansible_connection=local\n");
    let ran = bed.rplay(&["site.yml", "-i", "hosts"]);
    assert_eq!(ran.code, 0, "{ran}");
}

#[test]
fn items_in_parallel_are_told_of_in_order_and_all_end() {
    let bed = bed().file("hosts", "one ansible_connection=local\n").file(
        "site.yml",
        "
        - hosts: one
          gather_facts: false
          tasks:
            - shell: sleep {{ item }}; exit {{ (item == 1.5) | int }}
              loop: [2, 1.5, 1, 1.2]
              loop_control: {parallel: '{{ at_once }}'}
              register: result
              ignore_errors: true
            - assert:
                that: result.results | map(attribute='item') == [2, 1.5, 1, 1.2]
        ",
    );
    let started = Instant::now();
    let ran = bed.rplay(&["site.yml", "-i", "hosts", "-e", "at_once=4"]);
    assert!(started.elapsed() < Duration::from_secs(5), "they were not at work at once");
    assert_eq!(ran.code, 0, "{ran}");
    let want = "changed: [one] => (item=2)\n[ERROR]";
    assert!(ran.stdout.find("(item=2)") < ran.stdout.find("(item=1.5)"), "{want} {ran}");
    assert!(ran.stdout.find("(item=1.5)") < ran.stdout.find("(item=1)"), "{ran}");
    assert!(ran.stdout.find("(item=1)") < ran.stdout.find("(item=1.2)"), "{ran}");
    for bad in ["0", "-1", "many"] {
        let ran = bed.rplay(&["site.yml", "-i", "hosts", "-e", &format!("at_once={bad}")]);
        assert!(ran.stdout.contains("parallel"), "{ran}");
    }
}

#[test]
fn what_cannot_be_parallel_is_refused_with_its_place() {
    for (task, want) in [
        (
            "command: 'true'\n      loop: [1]\n      loop_control: {parallel: 2, pause: 1}",
            "`pause` cannot be combined with `parallel`",
        ),
        (
            "command: 'true'\n      loop: [1]\n      loop_control: {parallel: 2, break_when: item == 1}",
            "`break_when` cannot be combined",
        ),
        (
            "include_tasks: x.yml\n      loop: [1]\n      loop_control: {parallel: 2}",
            "include cannot be at work in parallel",
        ),
    ] {
        let play = format!("- hosts: all\n  gather_facts: false\n  tasks:\n    - {task}\n");
        let bed = bed().file("hosts", "one ansible_connection=local\n").file("site.yml", &play).file("x.yml", "[]\n");
        let ran = bed.rplay(&["site.yml", "-i", "hosts"]);
        assert!(ran.code != 0 && format!("{ran}").contains(want), "{ran}");
    }
    let bed = bed().file("hosts", "one ansible_connection=local\n").file(
        "site.yml",
        "
        - hosts: all
          gather_facts: false
          tasks:
            - command: 'true'
              loop: [1]
              loop_control: {parallel: 2}
        ",
    );
    let strict = bed.rplay(&["site.yml", "-i", "hosts", "--compat", "2.19"]);
    assert!(strict.code != 0 && strict.stderr.contains("rplay's own"), "{strict}");
    let lint = bed.rplay(&["lint", "site.yml"]);
    assert!(format!("{lint}").contains("`parallel` is rplay's own"), "{lint}");
    let doc = bed.rplay(&["doc", "-t", "keyword", "parallel"]);
    assert!(doc.stdout.contains("rplay's own: no release"), "{doc}");
}
