//! What must stay secret is in nothing that a run writes or shows: output, events, agents, temporary files, argument lists.
//!
//! As for Ansible, a decrypted value that a task uses without `no_log` is in that task's result. A vault's password never is
//! anywhere, and what `no_log` covers is only where the playbook puts it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::bed;

/// The password of the vault.
const PASSWORD: &str = "vault-password-4711";
/// Part of every value that `no_log` covers.
const HIDDEN: &str = "hidden-value-4711";

/// Argument lists of all processes, collected until told to stop.
fn argument_lists(stop: Arc<AtomicBool>) -> std::thread::JoinHandle<BTreeSet<String>> {
    std::thread::spawn(move || {
        let mut seen = BTreeSet::new();
        while !stop.load(Ordering::Relaxed) {
            for entry in fs_err::read_dir("/proc").into_iter().flatten().filter_map(Result::ok) {
                if let Ok(line) = std::fs::read(entry.path().join("cmdline")) {
                    seen.insert(String::from_utf8_lossy(&line).replace('\0', " "));
                }
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        seen
    })
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files_below(&entry.path(), found),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
}

fn holds(content: &[u8], secret: &str) -> bool {
    content.windows(secret.len()).any(|window| window == secret.as_bytes())
}

#[test]
fn secrets_are_in_nothing_that_a_run_writes_or_shows() {
    let secret_vars = format!(
        "secret: {HIDDEN}\nlisted: [{HIDDEN}-a, {HIDDEN}-b]\nnested: {{password: {HIDDEN}}}\nopen: shown-value\n"
    );
    let bed = bed()
        .file("pw", PASSWORD)
        .file("group_vars/all/vault.yml", &secret_vars)
        .file("templates/secret.j2", &format!("{HIDDEN} {{{{ secret }}}}\n"))
        .file("files/secret.txt", &format!("{HIDDEN}\n"))
        .file("more.yml", &format!("included: {HIDDEN}\n"))
        .file("site.yml", "
            - hosts: all
              gather_facts: true
              tasks:
                - debug: {msg: 'open {{ open }}'}
                - {debug: {msg: '{{ secret }}'}, no_log: true}
                - {debug: {var: nested}, no_log: true}
                - {copy: {content: 'before', dest: out/content, mode: '0600'}}
                - {copy: {content: '{{ secret }}', dest: out/content, mode: '0600'}, no_log: true}
                - {copy: {src: secret.txt, dest: out/file, mode: '0600'}, no_log: true}
                - {template: {src: secret.j2, dest: out/template, mode: '0600'}, no_log: true}
                - {lineinfile: {path: out/content, line: 'and {{ secret }}'}, no_log: true}
                - {set_fact: {kept: '{{ secret }}!'}, no_log: true}
                - {include_vars: more.yml, no_log: true}
                - {debug: {msg: '{{ item }}'}, loop: '{{ listed }}', no_log: true}
                - {copy: {content: '{{ item }}', dest: 'out/item{{ index }}', mode: '0600'}, loop: '{{ listed }}', loop_control: {index_var: index}, no_log: true}
                - {fail: {msg: 'no {{ secret }}'}, no_log: true, ignore_errors: true}
                - {debug: {msg: '{{ secret | no_such_attribute_4711 }}'}, no_log: true, ignore_errors: true}
                - {assert: {that: [secret == 'x'], fail_msg: 'not {{ secret }}'}, no_log: true, ignore_errors: true}
                - {command: cat, args: {stdin: '{{ secret }}'}, no_log: true, register: said}
                - {shell: 'test -n \"$SECRET\"', environment: {SECRET: '{{ secret }}'}, no_log: true}
                - {debug: {msg: '{{ said.stdout | length }} characters, {{ kept | length }}, {{ included | length }}'}}
                - block:
                    - {debug: {msg: '{{ secret }}'}}
                    - {command: /no/such/program, args: {stdin: '{{ secret }}'}, register: broken}
                  rescue:
                    - {debug: {msg: 'rescued {{ ansible_failed_task.name }}'}}
                  no_log: true
                - {name: an option that is secret by itself, user: {name: nobody-4711, password: '{{ secret }}'}, check_mode: true, ignore_errors: true}
                - {name: another, uri: {url: 'http://127.0.0.1:9/', url_username: u, url_password: '{{ secret }}', timeout: 1}, ignore_errors: true}
                - {command: sleep 0.3}
        ");
    for folder in ["tmp", "out"] {
        fs_err::create_dir(bed.join(folder)).unwrap();
    }
    let sealed = ["group_vars/all/vault.yml", "templates/secret.j2", "files/secret.txt", "more.yml"];
    let stop = Arc::new(AtomicBool::new(false));
    let watcher = argument_lists(Arc::clone(&stop));
    assert_eq!(bed.rplay(&[&["vault", "encrypt", "--vault-password-file", "pw"], &sealed[..]].concat()).code, 0);
    let output = bed
        .command(&[
            "site.yml",
            "-i",
            "one,two,",
            "-c",
            "local",
            "--vault-password-file",
            "pw",
            "-vvvvv",
            "--diff",
            "--record",
            "events.jsonl",
            "--forks",
            "2",
        ])
        .env("TMPDIR", bed.join("tmp"))
        .env("RPLAY_LOG", "trace")
        .env("ANSIBLE_CALLBACKS_ENABLED", "profile_tasks,junit")
        .env("JUNIT_OUTPUT_DIR", bed.join("junit"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    stop.store(true, Ordering::Relaxed);
    let lines = watcher.join().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("open shown-value") && stdout.contains("17 characters, 18, 17"), "{stdout}");
    assert_eq!(bed.read("out/content"), format!("{HIDDEN}\nand {HIDDEN}\n"));

    for secret in [PASSWORD, HIDDEN] {
        for (name, shown) in [("standard output", &stdout), ("standard error", &stderr)] {
            let at: Vec<&str> = shown.lines().filter(|line| line.contains(secret)).take(3).collect();
            assert!(at.is_empty(), "{secret} is in {name}: {at:#?}");
        }
        let argued: Vec<&String> = lines.iter().filter(|line| line.contains(secret)).collect();
        assert!(argued.is_empty(), "{secret} is an argument: {argued:#?}");
    }
    let mut written = Vec::new();
    files_below(bed.path(), &mut written);
    assert!(written.iter().any(|path| path.starts_with(bed.join(".local/state/rplay/runs"))), "there is a journal");
    let cached = written.iter().any(|path| path.ends_with("events.jsonl"));
    assert!(cached && lines.iter().any(|line| line.contains("sleep 0.3")), "the watch saw the run");
    for path in written {
        let content = fs_err::read(&path).unwrap();
        let name = path.strip_prefix(bed.path()).unwrap().display().to_string();
        assert!(name == "pw" || !holds(&content, PASSWORD), "the password is in {name}");
        let wanted = name.starts_with("out/");
        assert!(wanted || !holds(&content, HIDDEN), "{HIDDEN} is in {name}");
    }
    for folder in ["/dev/shm", "/run/shm"] {
        let mut memory = Vec::new();
        files_below(Path::new(folder), &mut memory);
        assert!(memory.iter().all(|path| !holds(&std::fs::read(path).unwrap_or_default(), HIDDEN)));
    }
}

#[test]
fn secrets_among_arguments_that_a_module_refuses_are_cut() {
    let module = "#!/usr/bin/python3
from ansible.module_utils.basic import AnsibleModule
AnsibleModule(argument_spec={
    'first': {'type': 'dict', 'options': {'deep': {'no_log': True}}},
    'listed': {'type': 'list', 'elements': 'dict', 'options': {'one': {'no_log': True}}},
    'last': {'no_log': True},
}).exit_json()
";
    let task = format!("{{first: 1.5, listed: [3, {{one: {HIDDEN}-a}}, {{one: {HIDDEN}-b}}], last: {HIDDEN}-c}}");
    let bed = bed().file("library/guarded.py", module).file(
        "site.yml",
        &format!("- hosts: all\n  gather_facts: false\n  tasks:\n    - guarded: '{{{{ given }}}}'\n  vars: {{given: {task}}}\n"),
    );
    let ran = bed.rplay(&["site.yml", "-i", "localhost,", "-c", "local", "-vvv"]);
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stdout.contains("in the sub parameter field 'first' must be a dict"), "{ran}");
    assert!(!ran.stdout.contains(HIDDEN) && !ran.stderr.contains(HIDDEN), "{ran}");
}
