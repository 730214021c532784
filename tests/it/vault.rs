//! Vaults: `rplay vault` answers what ansible-vault answers, and files may be encrypted wherever a file is read.

use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rplay_testkit::TestBed;

use crate::bed;

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/vault").canonicalize().unwrap()
}

/// The program under the name `ansible-vault`, in a folder for PATH.
fn linked(bed: &TestBed) -> String {
    let bin = bed.join("bin");
    fs_err::create_dir_all(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_rplay"), bin.join("ansible-vault")).unwrap();
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default())
}

/// The lines that differ, for people.
fn assert_same(recorded: &str, ours: &str) {
    let lines = recorded.lines().zip(ours.lines()).enumerate().filter(|(_, (a, b))| a != b);
    let differing: Vec<String> =
        lines.map(|(n, (a, b))| format!("{0}: recorded {a}\n{0}: ours     {b}", n + 1)).collect();
    assert!(recorded == ours, "{}\n--- ours ---\n{ours}", differing.join("\n"));
}

/// As the recording script; rplay's own notes and hints are no part of the comparison.
fn stable(text: &str, folder: &str) -> String {
    let replaced = [
        (r"(?m)^stderr: error: ", "stderr: [ERROR]: "),
        (r"(?m)^stderr:  *(\||= ).*\n", ""),
        (r": [^:\n]* \(os error \d+\)", ""),
        (r#"("no-such-editor )[^"]*"#, "${1}FILE"),
    ];
    replaced.iter().fold(text.replace(folder, "[FOLDER]"), |text, (pattern, with)| {
        fancy_regex::Regex::new(pattern).unwrap().replace_all(&text, *with).into_owned()
    })
}

#[test]
fn every_case_is_answered_as_ansible_vault_does() {
    let bed = bed();
    let path = linked(&bed);
    let work = bed.join("work");
    fs_err::create_dir(&work).unwrap();
    let output = Command::new("bash")
        .args(["-c", r#"exec bash "$0" 2>&1"#])
        .arg(fixtures().join("cases.sh"))
        .current_dir(&work)
        .env_clear()
        .env("PATH", path)
        .env("HOME", bed.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let ours = stable(&String::from_utf8_lossy(&output.stdout), &work.display().to_string());
    assert_same(&fs_err::read_to_string(fixtures().join("cases.out")).unwrap(), &ours);
}

#[test]
fn files_may_be_encrypted_wherever_one_is_read() {
    let run = fixtures().join("run");
    let folder = run.display().to_string();
    let path = |name: &str| run.join(name).display().to_string();
    let bed = bed();
    let (out, extra, json) = (format!("out={}", bed.join("out").display()), path("extra.yml"), path("extra.json"));
    let ran = bed.rplay(&[
        "-i",
        &path("hosts"),
        "-i",
        &path("hosts.yml"),
        "-c",
        "local",
        "-e",
        &out,
        "-e",
        &format!("@{extra}"),
        "-e",
        &format!("@{json}"),
        "--vault-id",
        &path("pw"),
        "--vault-id",
        &format!("dev@{}", path("two")),
        &path("site.yml"),
    ]);
    assert_same(&fs_err::read_to_string(run.join("site.out")).unwrap(), &ran.stdout.replace(&folder, "[FOLDER]"));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
}

/// Files that ansible-core leaves encrypted, where nobody can want that (COMPATIBILITY.md).
#[test]
fn includes_in_templates_and_tables_are_opened_too() {
    let bed = bed()
        .file("pw", "pw")
        .file("templates/main.j2", "{% include 'part.j2' %}{% import 'macros.j2' as m %}{{ m.hi() }}")
        .file("templates/part.j2", "a part, ")
        .file("templates/macros.j2", "{% macro hi() %}a macro{% endmacro %}")
        .file("files/table.csv", "key,from a table\n")
        .file(
            "site.yml",
            "
            - hosts: localhost
              gather_facts: false
              tasks:
                - debug: {msg: \"{{ lookup('template', 'main.j2') }}, {{ lookup('csvfile', 'key file=table.csv delimiter=,') }}\"}
            ",
        );
    let sealed = ["templates/part.j2", "templates/macros.j2", "files/table.csv", "site.yml"];
    let encrypted = bed.rplay(&[&["vault", "encrypt", "--vault-password-file", "pw"], &sealed[..]].concat());
    assert_eq!(encrypted.code, 0, "{encrypted}");
    let ran = bed.rplay(&["site.yml", "--vault-password-file", "pw"]);
    assert!(ran.stdout.contains(r#""msg": "a part, a macro, from a table""#), "{ran}");
}

/// Every way into a run that meets an encrypted file without its password says so and names the file.
#[test]
fn without_a_password_the_file_is_named() {
    let bed = bed()
        .file("pw", "pw")
        .file("wrong", "wrong")
        .file("secret.yml", "a: 1\n")
        .file(
            "site.yml",
            "
            - hosts: localhost
              gather_facts: false
              tasks:
                - debug: {msg: '{{ a | default(\"not read\") }}'}
        ",
        )
        .file(
            "files.yml",
            "
            - hosts: localhost
              gather_facts: false
              vars_files: secret.yml
              tasks: [{debug: {msg: '{{ a }}'}}]
        ",
        )
        .file(
            "include.yml",
            "
            - hosts: localhost
              gather_facts: false
              tasks: [{include_vars: secret.yml}]
        ",
        );
    assert_eq!(bed.rplay(&["vault", "encrypt", "--vault-id", "dev@pw", "secret.yml"]).code, 0);
    for (args, code) in [
        (&["site.yml", "-e", "@secret.yml"][..], 5),
        (&["files.yml"], 1),
        (&["include.yml"], 2),
        (&["secret.yml"], 1),
        (&["site.yml", "-i", "secret.yml"], 1),
    ] {
        let shut = bed.rplay(args);
        let said = format!("{}{}", shut.stdout, shut.stderr);
        assert!(
            said.contains("Attempting to decrypt but no vault secrets found") && said.contains("secret.yml"),
            "{args:?}\n{shut}"
        );
        assert_eq!(shut.code, code, "{args:?}\n{shut}");
        let wrong = bed.rplay(&[args, &["--vault-password-file", "wrong"]].concat());
        let said = format!("{}{}", wrong.stdout, wrong.stderr);
        assert!(
            said.contains("Decryption failed (no vault secrets were found that could decrypt)"),
            "{args:?}\n{wrong}"
        );
        assert_eq!(wrong.code, code, "{args:?}\n{wrong}");
    }
}

/// A broken encrypted file is an error with its place and without its lines.
#[test]
fn lines_of_encrypted_files_are_in_no_message() {
    let bed = bed()
        .file("pw", "pw")
        .file("secret.yml", "password: [hunter2\nother: hunter2\n")
        .file("tasks.yml", "- debug: {msg: 'hunter2 {{ missing }}'}\n- hunter2: {}\n")
        .file(
            "site.yml",
            "
            - hosts: localhost
              gather_facts: false
              vars_files: secret.yml
              tasks: [{debug: {msg: '{{ password }}'}}]
        ",
        )
        .file(
            "tasks-site.yml",
            "
            - hosts: localhost
              gather_facts: false
              tasks: [{include_tasks: tasks.yml}]
        ",
        );
    assert_eq!(bed.rplay(&["vault", "encrypt", "--vault-password-file", "pw", "secret.yml", "tasks.yml"]).code, 0);
    for playbook in ["site.yml", "secret.yml", "tasks-site.yml"] {
        let ran = bed.rplay(&[playbook, "--vault-password-file", "pw", "-vvvv", "--record", "events"]);
        let all = format!("{ran}{}", bed.read("events"));
        assert!(ran.code != 0 && all.contains(".yml:"), "{ran}");
        assert!(!all.contains("password: [hunter2") && !all.contains("- hunter2"), "{all}");
    }
}

fn shared_memory() -> Vec<String> {
    let Ok(entries) = fs_err::read_dir("/dev/shm") else { return Vec::new() };
    let names = entries.filter_map(Result::ok).map(|entry| entry.path());
    names
        .filter(|path| path.to_string_lossy().contains("rplay-vault-"))
        .map(|path| path.display().to_string())
        .collect()
}

/// Plain text that is edited stands in memory, for its user alone, and goes when the editor or rplay does.
#[test]
fn nothing_is_left_of_what_was_edited_even_after_a_kill() {
    let bed = bed().file("pw", "pw").file("secret.yml", "hunter2\n").file(
        "editor",
        "#!/bin/sh\nstat -c '%a' \"$(dirname \"$1\")\" \"$1\" >modes\nstat -f -c %T \"$1\" >>modes\necho \"$1\" >path\nsleep 60\n",
    );
    fs_err::set_permissions(bed.join("editor"), std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(bed.rplay(&["vault", "encrypt", "--vault-password-file", "pw", "secret.yml"]).code, 0);
    let before = fs_err::read(bed.join("secret.yml")).unwrap();
    for signal in ["KILL", "TERM", "HUP"] {
        let _ = fs_err::remove_file(bed.join("path"));
        let mut command = bed.command(&["vault", "edit", "--vault-password-file", "pw", "secret.yml"]);
        let mut child = command.env("EDITOR", "./editor").stderr(Stdio::null()).spawn().unwrap();
        let path = wait_for(|| Some(bed.read("path").trim().to_owned()).filter(|path| !path.is_empty()));
        assert_eq!(bed.read("modes").lines().collect::<Vec<_>>(), ["700", "600", "tmpfs"]);
        assert_eq!(fs_err::read_to_string(&path).unwrap(), "hunter2\n");
        Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
        child.wait().unwrap();
        let folder = PathBuf::from(&path).parent().unwrap().to_owned();
        wait_for(|| (!folder.exists()).then_some(()));
        assert!(!shared_memory().contains(&folder.display().to_string()));
        assert_eq!(fs_err::read(bed.join("secret.yml")).unwrap(), before);
    }
}

fn wait_for<T>(mut ready: impl FnMut() -> Option<T>) -> T {
    let pause = std::time::Duration::from_millis(50);
    let mut tries = std::iter::repeat_with(|| {
        std::thread::sleep(pause);
        ready()
    });
    tries.by_ref().take(400).flatten().next().unwrap()
}

/// Questions are answered by standard input where there is no terminal.
#[test]
fn a_password_can_be_piped_to_a_run() {
    let bed = bed().file("pw", "pw").file("secret.yml", "- hosts: localhost\n  gather_facts: false\n  tasks: []\n");
    assert_eq!(bed.rplay(&["vault", "encrypt", "--vault-password-file", "pw", "secret.yml"]).code, 0);
    let mut child = Command::new("setsid")
        .args(["-w", env!("CARGO_BIN_EXE_rplay")])
        .args(["secret.yml", "--ask-vault-pass"])
        .current_dir(bed.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"pw\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("Vault password: \n"));
}
